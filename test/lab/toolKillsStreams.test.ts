/** The forbidden text late in an upload, in pieces, and on a wire that loses and reorders: cut, proved, neighbours live. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arena, MARK } from "./adversary/arena.ts";
import { delay, download, sha256OfBytes, until, url } from "./mod.ts";
import type { Connection } from "./mod.ts";

const MEGABYTE = 1 << 20;
const CONNECTIONS = 20;

describe("a stream between two pods", () => {
  let arena: Arena;

  beforeAll(async () => {
    arena = await Arena.open();
  });

  afterAll(() => arena.close());

  test("a curl upload is cut in mid-stream though the text comes past several megabytes; a download beside it is whole", async () => {
    const { net, server, sensor } = arena;
    await Promise.all([server.http(9_060), server.http(9_061)]);
    const beside = download(net.client, url(net.server.ipv4, 9_061, `/bytes/${40 * MEGABYTE}`), "16M");
    // It never ends by itself: the marker comes after eight megabytes, and then more for ever.
    const stream = `{ yes harmless | head -c ${8 * MEGABYTE}; printf ${MARK}; yes more; } | curl -sS -g -T - ${url(net.server.ipv4, 9_060, "/upload")}`;
    const upload = net.client.start(["sh", "-c", stream]);
    const { flow, flowreset } = await sensor.event("the outcome of the upload", ({ event_type, flow: { dest_port } }) => event_type === "outcome" && dest_port === 9_060, 30_000);
    expect(flowreset.outcome).toBe("Confirmed");
    expect(arena.decisions(flow.src_port)).toBe(2);
    // 55: cannot send, 56: cannot receive.
    expect([55, 56]).toContain((await upload.exited).code);
    expect(await net.client.namespace.socketState({ remotePort: 9_060 })).toBe("gone");
    expect(await net.server.namespace.socketState({ localPort: 9_060 })).toBe("gone");
    expect(await beside.finished).toEqual({ exitCode: 0, bytes: 40 * MEGABYTE, sha256: sha256OfBytes(40 * MEGABYTE) });
  });

  test("the text is found wherever the border of two segments cuts it, also with one byte in each", async () => {
    const { client, server } = arena;
    const listener = await server.listen({ port: 9_062, behaviour: "echo" });
    const neighbour = await arena.echoing(client, 9_062);
    const borders = [1, MARK.length >> 1, MARK.length - 1].map((at) => [MARK.slice(0, at), MARK.slice(at)]);
    for (const pieces of [...borders, [...MARK]]) {
      const doomed = await arena.echoing(client, 9_062);
      const accepted = await listener.acceptedFrom(doomed.localPort);
      let sent = "hello".length;
      for (const piece of pieces.slice(0, -1)) {
        doomed.write(piece);
        // Only when it has arrived the next is written: two in one segment would be no border.
        await accepted.received((sent += piece.length));
      }
      expect(arena.decisions(doomed.localPort)).toBe(0);
      doomed.write(pieces.at(-1)!);
      expect((await doomed.closed).error).toBe("ECONNRESET");
      expect((await arena.sensor.outcome(doomed.localPort)).flowreset.outcome).toBe("Confirmed");
      await arena.stillEchoes(neighbour);
    }
  });
});

test("on a wire of 20 ms each way that loses and reorders, 20 connections die at both ends and 20 neighbours live", async () => {
  const arena = await Arena.open((lab) => delay(lab, { delayMs: 20, lossPerMille: 20, reorderPerMille: 50, seed: 7 }));
  const { net, client, outside, sensor } = arena;
  const listener = await outside.listen({ port: 9_070, behaviour: "echo" });
  const open = (): Promise<Connection[]> => Promise.all(Array.from({ length: CONNECTIONS }, () => arena.echoing(client, 9_070, undefined, net.outside.ipv4)));
  const doomed = await open();
  const neighbours = await open();
  const accepted = await Promise.all(doomed.map(({ localPort }) => listener.acceptedFrom(localPort)));
  for (const connection of doomed) connection.write(MARK);
  const outcomes = await Promise.all(doomed.map(({ localPort }) => sensor.outcome(localPort)));
  expect(outcomes.map(({ flowreset: { outcome } }) => outcome)).toEqual(doomed.map(() => "Confirmed"));
  for (const connection of [...doomed, ...accepted]) expect((await connection.closed).error).toBe("ECONNRESET");
  await until("no socket of theirs on either side", async () => {
    const ports = new Set(doomed.map(({ localPort }) => `:${localPort}`));
    const all = [...(await net.client.namespace.sockets({ remotePort: 9_070 })), ...(await net.outside.namespace.sockets({ localPort: 9_070 }))];
    return all.every(({ local, remote }) => ![local, remote].some((end) => ports.has(end.slice(end.lastIndexOf(":")))));
  });
  await Promise.all(neighbours.map((neighbour) => arena.stillEchoes(neighbour)));
  await arena.close();
});
