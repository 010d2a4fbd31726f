import { expect, it } from "vitest";
import { ManualClock } from "./testClock.fixture.ts";
import { TokenBuckets } from "./tokenBuckets.ts";

const taken = (buckets: TokenBuckets, key: string, times: number): number => Array.from({ length: times }, () => buckets.take(key)).filter(Boolean).length;

it("gives the burst at once, then one a period, each key its own", async () => {
  const clock = new ManualClock();
  const buckets = new TokenBuckets(clock, { burst: 25, refillMs: 300_000, limit: 10 });
  expect(taken(buckets, "a", 100)).toBe(25);
  expect(taken(buckets, "b", 1)).toBe(1);
  await clock.advance(299_999);
  expect(taken(buckets, "a", 5)).toBe(0);
  await clock.advance(1);
  expect(taken(buckets, "a", 5)).toBe(1);
  await clock.advance(300_000 * 1_000);
  expect(taken(buckets, "a", 100)).toBe(25);
});

it("forgets the key not used for longest, and never more", () => {
  const buckets = new TokenBuckets(new ManualClock(), { burst: 1, refillMs: 1_000, limit: 2 });
  for (const key of ["a", "b", "a", "c"]) buckets.take(key);
  expect([buckets.take("a"), buckets.take("c"), buckets.take("b")]).toEqual([false, false, true]);
});
