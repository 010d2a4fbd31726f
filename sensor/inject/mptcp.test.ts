import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Packet, TcpFlag } from "../decode/mod.ts";
import { FlowTable } from "../flow/mod.ts";
import { MptcpConnections } from "./mptcp.ts";

const CLIENT_KEY = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const SERVER_KEY = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1);
const tokenOf = (key: Uint8Array, algorithm = "sha256") => createHash(algorithm).update(key).digest().readInt32BE(0);

/** Two records in a table, and MPTCP as it passes by. */
function scene(limit = 8) {
  const table = new FlowTable({ capacity: 16, seed: 1 });
  const slots = Array.from({ length: 4 }, (_, flow) => {
    table.find(0, 0, 0, flow, 0, 0, 0, 99, 1, 2);
    const slot = table.insert(table.foundHash);
    table.words[table.base(slot) + 10] = 3;
    return slot;
  });
  return { table, slots, connections: new MptcpConnections(table, limit) };
}

function capable(keys: readonly Uint8Array[], flags: number, version = 1): Packet {
  const length = 4 + keys.length * 8;
  const bytes = new Uint8Array(20 + 2 + length);
  bytes.set([1, 1, 30, length, version, 0x81], 20);
  keys.forEach((key, place) => bytes.set(key, 26 + place * 8));
  return Object.assign(new Packet(), { bytes, transportOffset: 0, payloadOffset: bytes.length, flags, mptcpSubtype: 0 });
}

const join = (token: number, flags: number = TcpFlag.Syn) => Object.assign(new Packet(), { flags, mptcpSubtype: 1, mptcpToken: token });

describe("MptcpConnections", () => {
  it("finds a subflow that joins by the token of the server's key", () => {
    const { connections, slots } = scene();
    connections.learn(capable([SERVER_KEY], TcpFlag.Syn | TcpFlag.Ack), slots[0]!);
    connections.learn(join(tokenOf(SERVER_KEY)), slots[1]!);
    expect(connections.of(slots[1]!)).toBe(connections.of(slots[0]!));
    expect(connections.of(slots[2]!)).toBeUndefined();
  });

  it("finds one that the server opens, by the token of the client's key in the third ACK", () => {
    const { connections, slots } = scene();
    connections.learn(capable([CLIENT_KEY, SERVER_KEY], TcpFlag.Ack), slots[0]!);
    connections.learn(join(tokenOf(CLIENT_KEY)), slots[1]!);
    connections.learn(join(tokenOf(SERVER_KEY)), slots[2]!);
    const found: number[] = [];
    connections.forEachSubflow(connections.of(slots[0]!)!, (slot) => found.push(slot));
    expect(found).toEqual(slots.slice(0, 3));
  });

  it("uses SHA-1 for version 0", () => {
    const { connections, slots } = scene();
    connections.learn(capable([SERVER_KEY], TcpFlag.Syn | TcpFlag.Ack, 0), slots[0]!);
    connections.learn(join(tokenOf(SERVER_KEY, "sha1")), slots[1]!);
    expect(connections.of(slots[1]!)).toBe(connections.of(slots[0]!));
  });

  it("condemnedBy() knows a join of a condemned connection until its time is over, and no other", () => {
    const { connections, slots } = scene();
    connections.learn(capable([SERVER_KEY], TcpFlag.Syn | TcpFlag.Ack), slots[0]!);
    connections.of(slots[0]!)!.condemnedUntilMs = 1_000;
    expect(connections.condemnedBy(join(tokenOf(SERVER_KEY)), 999)).toBeDefined();
    expect(connections.condemnedBy(join(tokenOf(SERVER_KEY)), 1_000)).toBeUndefined();
    expect(connections.condemnedBy(join(tokenOf(CLIENT_KEY)), 999)).toBeUndefined();
    expect(connections.condemnedBy(join(tokenOf(SERVER_KEY), TcpFlag.Syn | TcpFlag.Ack), 999)).toBeUndefined();
  });

  it("does not take another connection on a used slot for a subflow", () => {
    const { table, connections, slots } = scene();
    connections.learn(join(5), slots[0]!);
    table.reset(slots[0]!);
    table.words[table.base(slots[0]!) + 10] = 3;
    expect(connections.of(slots[0]!)).toBeUndefined();
  });

  it("forgets the oldest beyond its limit, and at most eight subflows are kept of one", () => {
    const { connections, slots } = scene(2);
    for (let token = 1; token <= 3; token++) connections.learn(join(token), slots[token]!);
    expect([connections.size, connections.forgotten]).toEqual([2, 1]);
    expect(connections.of(slots[1]!)).toBeUndefined();
    expect(connections.of(slots[3]!)).toBeDefined();
  });

  const damaged: readonly (readonly [string, Packet])[] = [
    ["an option of length 0", Object.assign(new Packet(), { bytes: Uint8Array.of(...new Uint8Array(20), 30, 0, 1, 1), payloadOffset: 24, flags: TcpFlag.Ack, mptcpSubtype: 0 })],
    ["an option that ends behind the header", Object.assign(new Packet(), { bytes: Uint8Array.of(...new Uint8Array(20), 30, 20, 1, 1), payloadOffset: 24, flags: TcpFlag.Ack, mptcpSubtype: 0 })],
    ["a header that ends behind the frame", Object.assign(capable([SERVER_KEY], TcpFlag.Ack), { bytes: capable([SERVER_KEY], TcpFlag.Ack).bytes.slice(0, 30) })],
  ];
  for (const [what, packet] of damaged) {
    it(`learns nothing from ${what}`, () => {
      const { connections, slots } = scene();
      connections.learn(packet, slots[0]!);
      expect(connections.size).toBe(0);
    });
  }
});
