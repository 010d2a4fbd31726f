/** `make innocents` in small: no innocent dies beside attacks and hostile packets, and floods blind nobody. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit } from "../innocents/audit.ts";
import type { Attack } from "../innocents/crowd.ts";
import { runInnocents } from "../innocents/run.ts";
import { macOf, storm } from "../innocents/storms.ts";
import { isClean, table } from "../innocents/verdict.ts";
import type { MarkedReset } from "./adversary/witness.ts";
import { Arena, MARK, sensorSetup } from "./adversary/arena.ts";
import { SensorProcess } from "./sensor.ts";

const INNOCENTS = 20_000;
const HOSTILE = 20_000;

test("20,000 innocents live beside attacks that are cut and 20,000 hostile packets", async () => {
  const result = await runInnocents({ innocents: INNOCENTS, hostilePackets: HOSTILE, rate: 2_500, attackEvery: 100 });
  const shown = table(result).join("\n");
  expect(result, shown).toMatchObject({ wrongResets: [], wrongDecisions: [], sensorEnd: undefined, testimony: { lost: 0 } });
  expect(result.innocents, shown).toBe(INNOCENTS);
  expect(result.hostile, shown).toBeGreaterThanOrEqual(HOSTILE);
  expect(result.decisions, shown).toBeGreaterThan(50);
  // On a machine that is too busy to capture all an attack may pass unseen; nothing else may go wrong then either.
  if (result.capture.dropped === 0) expect(isClean(result), shown).toBe(true);
  else expect(result.complaints.filter((complaint) => !complaint.startsWith("attack")), shown).toEqual([]);
});

describe("audit()", () => {
  const attack: Attack = { id: 1, from: "10.0.0.1", port: 1000, to: "10.0.0.2", toPort: 80, seenFrom: "192.0.2.1", seenPort: 2000, clientNext: 0xffff_fff0, serverNext: 500 };
  const reset = (src: string, sport: number, dst: string, dport: number, seq: number): MarkedReset => ({ atNs: 0, interfaceIndex: 1, outgoing: true, src, sport, dst, dport, seq });
  const rows: readonly [what: string, reset: MarkedReset, isWrong: boolean][] = [
    ["to its server, behind the attack's bytes", reset("10.0.0.1", 1000, "10.0.0.2", 80, 4), false],
    ["to its server, as the server saw it", reset("192.0.2.1", 2000, "10.0.0.2", 80, 4), false],
    ["to its client", reset("10.0.0.2", 80, "10.0.0.1", 1000, 500), false],
    ["to its client, behind translation", reset("10.0.0.2", 80, "192.0.2.1", 2000, 500), false],
    ["of another connection on the same tuple", reset("10.0.0.1", 1000, "10.0.0.2", 80, 1_000_000), true],
    ["with the number of the wrong end", reset("10.0.0.2", 80, "10.0.0.1", 1000, 0x8000_0000), true],
    ["at another port", reset("10.0.0.1", 1001, "10.0.0.2", 80, 4), true],
  ];
  for (const [what, one, isWrong] of rows) {
    test(`a RST ${what} is ${isWrong ? "wrong" : "the attack's"}`, () => {
      const { wrong, unseen } = audit([one], [attack]);
      expect([wrong.length, unseen.length]).toEqual(isWrong ? [1, 1] : [0, 0]);
    });
  }
});

describe("floods", () => {
  let arena: Arena;
  let sensor: SensorProcess;

  beforeAll(async () => {
    arena = await Arena.open();
    // Room for few flows, so that a flood fills the table at once.
    sensor = await SensorProcess.start(arena.net.node, sensorSetup(arena.net.lab, false, ["--table-capacity", "1024"]));
    await arena.sensor.stop();
  });

  afterAll(() => arena.close());

  test.each([
    { flood: "SYNs that are never completed", port: 9_400, kinds: "syn" },
    { flood: "RSTs", port: 9_401, kinds: "rst" },
    { flood: "forged data", port: 9_402, kinds: "data,overlap,lowttl" },
  ])("$flood neither push a running attack out of sight nor hurt who runs beside it", async ({ port, kinds }) => {
    const { net, client, outside, server } = arena;
    await server.listen({ port, behaviour: "echo" });
    const slow = await Promise.all([3_100, 3_101].map((localPort) => arena.echoing(outside, port, localPort)));
    const neighbour = await arena.echoing(client, port);
    const mac = await macOf(net.node, net.devices.uplink);
    const flood = storm({ by: net.outside, mac, source: net.outside.ipv4, ports: [3_000, 3_199], target: net.server.ipv4, port }, 40_000, 20_000, 7, kinds);
    const [attack, innocent] = slow as [typeof neighbour, typeof neighbour];
    attack.write(MARK.slice(0, 10));
    for (let turn = 0; turn < 5; turn++) {
      for (const one of [innocent, neighbour]) await arena.stillEchoes(one);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    attack.write(MARK.slice(10));
    expect((await attack.closed).error).toBe("ECONNRESET");
    expect((await sensor.outcome(3_100)).flowreset.outcome).toBe("Confirmed");
    expect(await flood).toBeGreaterThan(30_000);
    for (const one of [innocent, neighbour]) await arena.stillEchoes(one);
    expect(sensor.events.filter(({ event_type, flow }) => event_type === "reset" && flow.src_port !== 3_100)).toEqual([]);
    for (const one of [innocent, neighbour]) one.destroy();
  });
});
