/** The portable capture: the same attacks die as with the ring, and the same neighbours live. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arena, MARK } from "./adversary/arena.ts";
import { bridge } from "./mod.ts";
import type { Agent, Connection } from "./mod.ts";

const BURSTS = 3;
const BURST = 66;
const PORT = 9_090;

/** Built by `make test` where the headers of libpcap can be had. */
const built = existsSync(join(import.meta.dirname, "../../node_modules/cap/build/Release/cap.node"));

describe.skipIf(!built)("--capture libpcap", () => {
  let arena: Arena;

  beforeAll(async () => {
    arena = await Arena.open(bridge, ["--capture", "libpcap"]);
    await Promise.all([arena.server.listen({ port: PORT, behaviour: "echo" }), arena.outside.listen({ port: PORT, behaviour: "echo" })]);
  });

  afterAll(() => arena.close());

  test("attacks between pods and with the outside, 66 at once, are cut at both ends, and their neighbours live", async () => {
    const { client, outside, sensor, net } = arena;
    const paths: (readonly [Agent, string])[] = [[client, net.server.ipv4], [outside, net.server.ipv4], [client, net.outside.ipv4]];
    const neighbours = await Promise.all(paths.map(([from, host]) => arena.echoing(from, PORT, undefined, host)));
    for (let burst = 0; burst < BURSTS; burst++) {
      const doomed = await Promise.all(Array.from({ length: BURST }, (_, i) => {
        const [from, host] = paths[i % paths.length]!;
        return arena.echoing(from, PORT, undefined, host);
      }));
      for (const connection of doomed) connection.write(MARK);
      const outcomes = await Promise.all(doomed.map(({ localPort }) => sensor.outcome(localPort)));
      expect(outcomes.map(({ flowreset: { outcome } }) => outcome)).toEqual(doomed.map(() => "Confirmed"));
      for (const connection of doomed) expect((await connection.closed).error).toBe("ECONNRESET");
    }
    for (const neighbour of neighbours) await arena.stillEchoes(neighbour);
  });

  test("`flowreset kill` finds and kills an idle one, and one at full speed", async () => {
    const { client, net, sensor } = arena;
    const kill = ({ localPort }: Connection) => sensor.command(["kill", "--client", `${net.client.ipv4}:${localPort}`, "--server", `${net.server.ipv4}:${PORT}`]);
    const [idle, busy, neighbour] = await Promise.all([arena.echoing(client, PORT), arena.echoing(client, PORT), arena.echoing(client, PORT)]);
    busy.flood({ bytes: 1e12, bytesPerSecond: 5e6 });
    for (const doomed of [idle, busy]) {
      const { code, stderr } = await kill(doomed);
      expect([code, stderr]).toEqual([0, "1 matched: 1 Confirmed\n"]);
      expect((await doomed.closed).error).toMatch(/ECONNRESET|EPIPE/);
      expect(await net.server.namespace.socketState({ localPort: PORT, remotePort: doomed.localPort })).toBe("gone");
    }
    await arena.stillEchoes(neighbour);
  });
});
