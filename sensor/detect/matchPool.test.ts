import { describe, expect, it } from "vitest";
import { Field } from "../flow/mod.ts";
import { HandMadeFlows } from "./flows.fixture.ts";
import { MatchPool } from "./matchPool.ts";

function keys(pool: MatchPool, slot: number): number[] {
  const found: number[] = [];
  for (let record = pool.first(slot); record >= 0; record = pool.next(record)) found.push(pool.key(record));
  return found.sort((a, b) => a - b);
}

function poolOf(capacity: number): { pool: MatchPool; flows: HandMadeFlows } {
  const flows = new HandMadeFlows(400);
  for (let i = 0; i < 400; i++) flows.add();
  for (let slot = 0; slot < 400; slot++) flows.set(slot, Field.DetectMatch, 7 << 16);
  return { pool: new MatchPool(flows, capacity), flows };
}

describe("MatchPool", () => {
  it("keeps each flow's records apart and gathers the contents of each side", () => {
    const { pool } = poolOf(10);
    const record = pool.obtain(1, 5);
    pool.obtain(2, 5);
    expect(pool.obtain(1, 5)).toBe(record);
    expect(pool.addSeen(record, 0, 1)).toBe(1);
    expect(pool.addSeen(record, 1, 2)).toBe(2);
    expect(pool.addSeen(record, 0, 4)).toBe(5);
    expect([pool.find(1, 5), pool.find(1, 6), pool.find(3, 5)]).toEqual([record, -1, -1]);
  });

  it("leaves the upper half of the flow's word alone", () => {
    const { pool, flows } = poolOf(10);
    pool.obtain(1, 5);
    expect(flows.field(1, Field.DetectMatch) >>> 16).toBe(7);
    pool.release(1);
    expect(flows.field(1, Field.DetectMatch)).toBe(7 << 16);
  });

  it("reuses the oldest record when full, and counts it", () => {
    const { pool } = poolOf(3);
    for (const [slot, key] of [[1, 10], [1, 11], [2, 12]] as const) pool.obtain(slot, key);
    expect(pool.reused).toBe(0);
    pool.obtain(3, 13);
    expect([pool.reused, pool.size]).toEqual([1, 3]);
    expect([keys(pool, 1), keys(pool, 2), keys(pool, 3)]).toEqual([[11], [12], [13]]);
  });

  it("survives taking the flow's own oldest record for its newest", () => {
    const { pool } = poolOf(2);
    for (const key of [1, 2, 3, 4]) pool.obtain(1, key);
    expect(keys(pool, 1)).toEqual([3, 4]);
  });

  it("starts a reused record empty", () => {
    const { pool } = poolOf(1);
    pool.addSeen(pool.obtain(1, 1), 0, 7);
    expect(pool.addSeen(pool.obtain(2, 1), 0, 0)).toBe(0);
  });

  it("takes given-back records before any that are in use", () => {
    const { pool } = poolOf(2);
    pool.obtain(1, 1);
    pool.obtain(2, 2);
    pool.release(1);
    pool.obtain(3, 3);
    expect([pool.reused, keys(pool, 2), keys(pool, 3)]).toEqual([0, [2], [3]]);
  });

  it("refuses a flow its 257th record and counts it", () => {
    const { pool } = poolOf(1000);
    for (let key = 0; key < 256; key++) expect(pool.obtain(1, key)).toBeGreaterThanOrEqual(0);
    expect([pool.obtain(1, 256), pool.refused]).toEqual([-1, 1]);
    expect(pool.obtain(2, 256)).toBeGreaterThanOrEqual(0);
  });

  it("is not led into another flow's chain by a word that is not its own", () => {
    const { pool, flows } = poolOf(10);
    pool.obtain(1, 5);
    flows.set(2, Field.DetectMatch, flows.field(1, Field.DetectMatch));
    flows.set(3, Field.DetectMatch, -1);
    expect([keys(pool, 2), keys(pool, 3)]).toEqual([[], []]);
  });

  it("agrees with a map of maps over ten thousand steps", () => {
    const { pool } = poolOf(40);
    const twin = new Map<number, Set<number>>();
    const order: [number, number][] = [];
    let seed = 12_345;
    const random = (below: number) => ((seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 8) % below;
    for (let step = 0; step < 10_000; step++) {
      const slot = random(20);
      const key = random(6);
      if (random(10) === 0) {
        pool.release(slot);
        twin.delete(slot);
        for (let i = order.length - 1; i >= 0; i--) if (order[i]![0] === slot) order.splice(i, 1);
      } else if (!(twin.get(slot)?.has(key) ?? false)) {
        if (order.length === 40) {
          const [oldSlot, oldKey] = order.shift()!;
          twin.get(oldSlot)!.delete(oldKey);
        }
        order.push([slot, key]);
        twin.set(slot, (twin.get(slot) ?? new Set()).add(key));
        pool.obtain(slot, key);
      } else pool.obtain(slot, key);
      expect(keys(pool, slot)).toEqual([...(twin.get(slot) ?? [])].sort((a, b) => a - b));
    }
    expect(pool.size).toBe(order.length);
    expect(pool.reused).toBeGreaterThan(100);
  });
});
