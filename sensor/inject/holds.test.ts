import { describe, expect, it } from "vitest";
import { HoldTable, NOT_HELD } from "./holds.ts";

const key = (client: number, server = 1, port = 443) => Int32Array.of(0, 0, 0xffff, client, 0, 0, 0xffff, server, port);
const table = (limit = 8, refusals = 100) => new HoldTable(limit, refusals, 0x1234);

describe("HoldTable", () => {
  it("refuse() knows the triple of client, server and port, and nothing beside it", () => {
    const holds = table();
    holds.add(key(7), 1_000, 3, 0);
    expect(holds.refuse(key(7), 999)).toBe(3);
    expect(holds.refuse(key(8), 999)).toBe(NOT_HELD);
    expect(holds.refuse(key(7, 2), 999)).toBe(NOT_HELD);
    expect(holds.refuse(key(7, 1, 80), 999)).toBe(NOT_HELD);
  });

  it("refuse() lets go at the deadline", () => {
    const holds = table();
    holds.add(key(7), 1_000, -1, 0);
    expect(holds.refuse(key(7), 999.9)).toBe(-1);
    expect(holds.refuse(key(7), 1_000)).toBe(NOT_HELD);
  });

  it("add() lets the longest hold win", () => {
    const holds = table();
    holds.add(key(7), 1_000, 1, 0);
    holds.add(key(7), 500, 2, 0);
    expect(holds.refuse(key(7), 900)).toBe(1);
    holds.add(key(7), 2_000, 2, 0);
    expect(holds.refuse(key(7), 1_900)).toBe(2);
    // Each policy's is its own, so that one may end and the other stay.
    expect(holds.count).toBe(2);
  });

  it("refuse() stops after the refusals that one hold has, and counts", () => {
    const holds = table(8, 2);
    holds.add(key(7), 1_000, 1, 0);
    expect([holds.refuse(key(7), 1), holds.refuse(key(7), 2), holds.refuse(key(7), 3)]).toEqual([1, 1, NOT_HELD]);
    expect(holds.exhausted).toBe(1);
  });

  it.each<[string, (holds: HoldTable) => void, number]>([
    ["that had run out", () => {}, 0],
    ["that was ended", (holds) => holds.releaseOwner(5), 0],
    ["of the next pod with the address", () => {}, 9],
  ])("add() of a hold anew %s gives it refusals of its own", (_, end, interfaceIndex) => {
    const holds = table(8, 2);
    holds.add(key(7), 1_000, 1, 0, 0, 5);
    for (let nowMs = 0; nowMs < 3; nowMs++) holds.refuse(key(7), nowMs);
    end(holds);
    holds.add(key(7), 3_000, 2, 2_000, interfaceIndex, 6);
    expect([2_001, 2_002, 2_003].map((nowMs) => holds.refuse(key(7), nowMs, interfaceIndex))).toEqual([2, 2, NOT_HELD]);
  });

  it("add() that only prolongs a hold leaves it the refusals that it has spent", () => {
    const holds = table(8, 2);
    holds.add(key(7), 1_000, 1, 0);
    expect([holds.refuse(key(7), 1), holds.refuse(key(7), 2)]).toEqual([1, 1]);
    holds.add(key(7), 2_000, 1, 3);
    expect(holds.refuse(key(7), 4)).toBe(NOT_HELD);
  });

  it("release() ends one hold and leaves the others", () => {
    const holds = table();
    for (let client = 0; client < 8; client++) holds.add(key(client), 1_000, client, 0);
    expect(holds.release(key(3))).toBe(true);
    expect(holds.release(key(99))).toBe(false);
    for (let client = 0; client < 8; client++) expect(holds.refuse(key(client), 1)).toBe(client === 3 ? NOT_HELD : client);
  });

  it.each<[string, number, number]>([["longer", 1_000, 2_000], ["shorter", 2_000, 1_000]])("what is ended leaves what another holds between the same ends, where it was the %s one", (_, others, ended) => {
    const holds = table();
    holds.add(key(7), others, 1, 0);
    holds.add(key(7), ended, 2, 0, 0, 5);
    holds.add(key(8), others, 1, 0, 0, 6);
    holds.add(key(8), ended, 2, 0);
    holds.add(key(9), others, 1, 0);
    holds.add(key(9), ended, 2, 0);
    holds.releaseOwner(5);
    holds.releasePolicies((policy) => policy === 1);
    expect([7, 8, 9].map((client) => holds.refuse(key(client), 500))).toEqual([1, 1, 1]);
    expect([7, 8, 9].map((client) => holds.refuse(key(client), others))).toEqual([NOT_HELD, NOT_HELD, NOT_HELD]);
  });

  it("what is held at the client's interface leaves what is held at the server's", () => {
    const holds = table();
    holds.add(key(7), 1_000, 1, 0, 8);
    holds.add(key(7), 500, 2, 0, 9, 5);
    expect([8, 9, 10].map((place) => holds.refuse(key(7), 1, place))).toEqual([1, 2, NOT_HELD]);
    holds.releaseOwner(5);
    expect([8, 9].map((place) => holds.refuse(key(7), 1, place))).toEqual([1, NOT_HELD]);
  });

  it("releaseOwner() ends what one owner holds, but where another has prolonged it", () => {
    const holds = table();
    holds.add(key(7), 1_000, 1, 0, 0, 5);
    holds.add(key(8), 1_000, 1, 0, 0, 6);
    holds.add(key(9), 1_000, 1, 0, 0, 5);
    holds.add(key(9), 2_000, 2, 0);
    holds.releaseOwner(5);
    expect([7, 8, 9].map((client) => holds.refuse(key(client), 1))).toEqual([NOT_HELD, 1, 2]);
  });

  it("add() refuses and counts beyond the limit, and takes new ones once old ones have run out", () => {
    const holds = table(8);
    for (let client = 0; client < 8; client++) expect(holds.add(key(client), 1_000, 0, 0)).toBe(true);
    expect(holds.add(key(8), 1_000, 0, 0)).toBe(false);
    expect(holds.refused).toBe(1);
    for (let client = 100; client < 108; client++) expect(holds.add(key(client), 9_000, 0, 5_000)).toBe(true);
    expect(holds.add(key(200), 9_000, 0, 6_001)).toBe(false);
  });

  it("agrees with a map over many holds that come and go", () => {
    const holds = new HoldTable(1_000, 1_000_000, 99);
    const naive = new Map<number, number>();
    let state = 1;
    const random = (below: number) => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % below;
    for (let nowMs = 0; nowMs < 5_000; nowMs++) {
      const client = random(700);
      if (random(3) === 0) {
        const untilMs = nowMs + 1 + random(2_000);
        expect(holds.add(key(client), untilMs, 0, nowMs)).toBe(true);
        naive.set(client, Math.max(untilMs, naive.get(client) ?? 0));
      }
      expect(holds.refuse(key(client), nowMs)).toBe((naive.get(client) ?? 0) > nowMs ? 0 : NOT_HELD);
    }
  });
});
