import { expect, it } from "vitest";
import { Backoff } from "./backoff.ts";
import { ManualClock, seededRandom } from "./testClock.fixture.ts";

it("waits 0.8 s, doubling up to 30 s, and begins anew when all is well", () => {
  const backoff = new Backoff(new ManualClock());
  const waits = Array.from({ length: 8 }, () => backoff.next());
  expect(waits).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
  backoff.reset();
  expect(backoff.next()).toBe(800);
});

it("spreads clients: half to one and a half of each step", () => {
  const random = seededRandom(7);
  const firsts = Array.from({ length: 1_000 }, () => new Backoff(new ManualClock(random)).next());
  expect(Math.min(...firsts)).toBeGreaterThanOrEqual(400);
  expect(Math.max(...firsts)).toBeLessThan(1_200);
  expect(new Set(firsts.map((wait) => Math.floor(wait / 100))).size).toBe(8);
});

it.each([
  ["is obeyed where it is longer", 10_000, 10_500],
  ["does not shorten a wait", 1, 800],
  ["is obeyed for five minutes at most", 1e9, 315_000],
  ["in the past says nothing", 0, 800],
])("Retry-After %s", (_, retryAfterMs, expected) => {
  expect(new Backoff(new ManualClock()).next(retryAfterMs)).toBe(expected);
});
