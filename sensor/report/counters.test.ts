import fc from "fast-check";
import { expect, test } from "vitest";
import { Counter, Counters, COUNTER_WORDS, Families, Histograms, SINGLE_COUNTERS } from "./counters.ts";
import { LabelTable, MAX_LABELS, OTHER_LABEL } from "./labels.ts";
import { SINGLE_METRICS } from "./metricTable.ts";
import { MAX_SERIES, SeriesKind } from "./series.ts";

test("every single counter has a place of its own and a metric", () => {
  const places = Object.values(Counter);
  expect(new Set(places).size).toBe(places.length);
  expect(Math.max(...places)).toBeLessThan(SINGLE_COUNTERS);
  expect(SINGLE_METRICS.map(({ counter }) => counter).toSorted((a, b) => a - b)).toEqual(
    places.toSorted((a, b) => a - b),
  );
});

test("single counters, families and histograms do not overlap", () => {
  const ranges = [
    { base: 0, end: SINGLE_COUNTERS },
    ...Object.values(Families).map(({ base, size }) => ({ base, end: base + size })),
    ...Object.values(Histograms).map(({ base, boundsMicroseconds }) => ({ base, end: base + boundsMicroseconds.length + 3 })),
  ].toSorted((a, b) => a.base - b.base);
  for (let i = 1; i < ranges.length; i++) expect(ranges[i].base).toBeGreaterThanOrEqual(ranges[i - 1].end);
  expect(ranges.at(-1)?.end).toBe(COUNTER_WORDS);
});

test("what one thread counts the other reads from the same buffer", () => {
  const worker = new Counters();
  const main = new Counters(worker.buffer);
  worker.add(Counter.Packets, 3);
  worker.add(Counter.Packets, 2);
  worker.series.countReset(1, 2, 3, 4);
  expect(main.values[Counter.Packets]).toBe(5);
  const seen: unknown[] = [];
  main.series.forEach((series) => seen.push({ ...series }));
  expect(seen).toEqual([{ kind: SeriesKind.Reset, policy: 1, a: 2, b: 3, reason: 4, value: 1 }]);
});

test.each([
  ["below", -1],
  ["at the size", Families.decode.size],
  ["far above", 1e9],
])("an index %s counts in the last place of its family, never outside", (_, index) => {
  const counters = new Counters();
  counters.addIn(Families.decode, index, 1);
  expect(counters.values[Families.decode.base + Families.decode.size - 1]).toBe(1);
  expect(counters.values.reduce((sum, value) => sum + value, 0)).toBe(1);
});

test.each([
  [0, 0],
  [25, 0],
  [25.1, 1],
  [1_000_000, 15],
  [1_000_001, 16],
  [-5, 0],
  [Number.NaN, 0],
  [Infinity, 0],
])("a reaction of %d us falls into bucket %d", (value, bucket) => {
  const counters = new Counters();
  counters.observe(Histograms.reaction, value);
  expect(counters.values[Histograms.reaction.base + bucket]).toBe(1);
  expect(counters.values[Histograms.reaction.base + 18]).toBe(1);
  expect(Number.isFinite(counters.values[Histograms.reaction.base + 17])).toBe(true);
});

test("series count as a map of labels does, and past the limit in one place", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(1100), fc.nat(2), fc.nat(4), fc.nat(300)), { maxLength: 3000 }),
      (events) => {
        const counters = new Counters();
        const twin = new Map<string, number>();
        let overflow = 0;
        for (const [policy, target, outcome, reason] of events) {
          counters.series.countReset(policy, target, outcome, reason);
          const key = `${policy < 1024 ? policy : 0} ${target} ${outcome} ${Math.min(reason, 255)}`;
          if (twin.has(key) || twin.size < MAX_SERIES) twin.set(key, (twin.get(key) ?? 0) + 1);
          else overflow++;
        }
        const seen = new Map<string, number>();
        counters.series.forEach(({ policy, a, b, reason, value }) => seen.set(`${policy} ${a} ${b} ${reason}`, value));
        expect(seen).toEqual(twin);
        expect(counters.series.overflowResets).toBe(overflow);
      },
    ),
    { numRuns: 10 },
  );
});

test("resets and verdicts with the same numbers are apart, also past the limit", () => {
  const { series } = new Counters();
  for (let i = 0; i < MAX_SERIES; i++) series.countVerdict(i, 0, 0);
  series.countReset(0, 0, 0, 0);
  series.countVerdict(0, 9, 9);
  expect(series.overflowResets).toBe(1);
  expect(series.overflowVerdicts).toBe(1);
});

test("a label keeps its number for ever; past the limit a name is called other", () => {
  const labels = new LabelTable();
  const first = labels.intern("shop/stop");
  for (let i = 0; i < MAX_LABELS * 2; i++) labels.intern(`policy-${i}`);
  expect(labels.intern("shop/stop")).toBe(first);
  expect(labels.name(first)).toBe("shop/stop");
  expect(labels.intern("one too many")).toBe(OTHER_LABEL);
  expect(labels.name(OTHER_LABEL)).toBe("other");
  expect(labels.name(-1)).toBe("other");
});
