import { expect, test } from "vitest";
import { createBudgets } from "./budgetMemory.ts";
import { Bucket, RateBudget } from "./rateBudget.ts";

const CAPACITY = 60;
const MINUTE_MS = 60_000;

/** Sources as four address words each, IPv4 mapped. */
function sources(count: number): Int32Array {
  return Int32Array.from({ length: count * 4 }, (_, at) => (at % 4 === 2 ? 0xffff : at % 4 === 3 ? 0x0a000000 + at : 0));
}

function budget(capacity = CAPACITY): RateBudget {
  const made = new RateBudget(createBudgets(1));
  made.use(new Float64Array(3).fill(capacity), Int32Array.of(0, 0, 1, 0, 7, 7));
  return made;
}

/** Connections that a source gets when it asks until it is refused. */
function taken(rates: RateBudget, words: Int32Array, source: number, nowMs: number, bucket: number = Bucket.FirstPolicy): number {
  let count = 0;
  for (; rates.allows(bucket, words, source * 4, nowMs); count++) rates.take(bucket, words, source * 4, nowMs);
  return count;
}

test("a source gets half of what would be left without it, the next one half of the rest", () => {
  const rates = budget();
  const words = sources(3);
  expect([0, 1, 2].map((source) => taken(rates, words, source, 0))).toEqual([30, 15, 7]);
});

test("the first connection of a source is never too much, down to the last of the bucket", () => {
  const rates = budget();
  const words = sources(CAPACITY + 1);
  for (let source = 0; source < CAPACITY; source++) {
    expect(rates.allows(Bucket.FirstPolicy, words, source * 4, 0)).toBe(true);
    rates.take(Bucket.FirstPolicy, words, source * 4, 0);
  }
  expect(rates.allows(Bucket.FirstPolicy, words, CAPACITY * 4, 0)).toBe(false);
});

test("what was spent comes back in a minute, of the bucket and of the source's share", () => {
  const rates = budget();
  const words = sources(1);
  expect(taken(rates, words, 0, 0)).toBe(30);
  expect(taken(rates, words, 0, MINUTE_MS)).toBe(30);
});

test("a bucket that stays keeps what was used of it and by whom, under another number too", () => {
  const rates = budget();
  const words = sources(2);
  taken(rates, words, 0, 0);
  rates.use(new Float64Array(4).fill(CAPACITY), Int32Array.of(0, 0, 1, 0, 9, 9, 7, 7));
  expect(rates.left(Bucket.FirstPolicy + 1, 0)).toBe(30);
  expect(rates.allows(Bucket.FirstPolicy + 1, words, 0, 0)).toBe(false);
  expect(taken(rates, words, 1, 0, Bucket.FirstPolicy + 1)).toBe(15);
  expect(rates.left(Bucket.FirstPolicy, 0)).toBe(CAPACITY);
});

test("an IPv6 source is its /64: a customer's many addresses are one", () => {
  const rates = budget();
  const words = Int32Array.of(0x20010db8, 1, 0, 1, 0x20010db8, 1, 5, 2, 0x20010db8, 2, 0, 1);
  expect([0, 1, 2].map((source) => taken(rates, words, source, 0))).toEqual([30, 0, 15]);
});
