import { expect, test } from "vitest";
import { Counter, Counters, Families, Histograms } from "./counters.ts";
import { LabelTable } from "./labels.ts";
import { createMetrics } from "./metrics.ts";
import { SINGLE_METRICS } from "./metricTable.ts";
import { MAX_SERIES } from "./series.ts";

function setUp(workers = 1) {
  const counters = Array.from({ length: workers }, () => new Counters());
  const labels = new LabelTable();
  const VERDICTS = ["None", "Reset", "WouldReset", "Suppress"];
  const registry = createMetrics({
    version: "1.2.3",
    counters,
    labels,
    names: {
      decodeReason: (n) => `Decode${n}`,
      flowRefusal: (n) => `Refusal${n}`,
      flowEviction: (n) => `Eviction${n}`,
      flowWorth: (n) => `Worth${n}`,
      verdict: (n) => VERDICTS[n] ?? "Other",
      verdictReason: (n) => `Guard${n}`,
      target: (n) => ["Client", "Server", "Both"][n] ?? "Other",
      outcome: (n) => `Outcome${n}`,
      outcomeReason: (n) => `Reason${n}`,
    },
    policies: () => ({ loaded: 3, broken: 1, generation: 7, lastLoadSeconds: 1.5 }),
    events: () => ({ queuedBytes: 10, capacityBytes: 20, written: 5, dropped: 2 }),
    records: () => ({ usedBytes: 0, capacityBytes: 1 }),
    wouldVerdicts: ["WouldReset"],
    suppressVerdicts: ["Suppress"],
  });
  return { counters, labels, registry };
}

test("the scrape shows what the Workers counted, by worker and with units in the names", async () => {
  const { counters, registry } = setUp(2);
  counters[0].add(Counter.Packets, 5);
  counters[1].add(Counter.Packets, 7);
  counters[1].set(Counter.HeartbeatMs, 1500);
  const text = await registry.metrics();
  expect(text).toContain("# TYPE flowreset_packets_total counter");
  expect(text).toContain('flowreset_packets_total{worker="0"} 5');
  expect(text).toContain('flowreset_packets_total{worker="1"} 7');
  expect(text).toContain('flowreset_worker_heartbeat_timestamp_seconds{worker="1"} 1.5');
  expect(text).toContain("flowreset_policies_broken 1");
  expect(text).toContain("flowreset_events_dropped_total 2");
  expect(text).toContain('flowreset_build_info{version="1.2.3"');
});

test("every metric of ours has a help text, a unit or count in its name, and follows the naming rules", async () => {
  const text = await setUp().registry.metrics();
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  expect(names.length).toBeGreaterThan(SINGLE_METRICS.length);
  for (const [, name, type] of names) {
    expect(name).toMatch(/^(flowreset|process)_[a-z_]+$/);
    if (type === "counter") expect(name).toMatch(/_total$/);
    else expect(name).not.toMatch(/_total$/);
  }
  expect(text).not.toMatch(/^# HELP \S+\s*$/m);
});

test("families are summed over Workers; what did not happen is not listed; the last place is other", async () => {
  const { counters, registry } = setUp(2);
  counters[0].addIn(Families.decode, 4, 1);
  counters[1].addIn(Families.decode, 4, 2);
  counters[1].addIn(Families.decode, 4000, 9);
  const text = await registry.metrics();
  expect(text.match(/^flowreset_decode_refused_packets_total.*$/gm)).toEqual([
    'flowreset_decode_refused_packets_total{reason="Decode4"} 3',
    'flowreset_decode_refused_packets_total{reason="other"} 9',
  ]);
});

test("resets and verdicts come with policy names, summed over Workers", async () => {
  const { counters, labels, registry } = setUp(2);
  const policy = labels.intern('shop/"odd"');
  for (const { series } of counters) series.countReset(policy, 2, 1, 3);
  counters[0].series.countVerdict(policy, 2, 0);
  counters[0].series.countVerdict(policy, 3, 5);
  const text = await registry.metrics();
  expect(text).toContain(
    'flowreset_resets_total{policy="shop/\\"odd\\"",target="Both",outcome="Outcome1",reason="Reason3"} 2',
  );
  expect(text.match(/^flowreset_would_resets_total.*$/gm)).toEqual([
    'flowreset_would_resets_total{policy="shop/\\"odd\\"",verdict="WouldReset",reason="Guard0"} 1',
  ]);
  expect(text.match(/^flowreset_suppressed_total.*$/gm)).toEqual([
    'flowreset_suppressed_total{policy="shop/\\"odd\\"",verdict="Suppress",reason="Guard5"} 1',
  ]);
  expect(text.match(/^flowreset_verdicts_total/gm)).toHaveLength(2);
});

test("a flood of different label sets stays bounded and nothing is uncounted", async () => {
  const { counters, registry } = setUp();
  const flood = MAX_SERIES * 4;
  for (let i = 0; i < flood; i++) counters[0].series.countReset(i % 1024, i >> 10, 0, 0);
  const text = await registry.metrics();
  const values = [...text.matchAll(/^flowreset_resets_total\{.*\} (\d+)$/gm)].map(([, value]) => Number(value));
  expect(values.length).toBeLessThanOrEqual(MAX_SERIES + 1);
  expect(values.reduce((sum, value) => sum + value, 0)).toBe(flood);
});

test("a histogram is cumulative, in seconds, over all Workers", async () => {
  const { counters, registry } = setUp(2);
  counters[0].observe(Histograms.reaction, 30);
  counters[1].observe(Histograms.reaction, 180);
  counters[1].observe(Histograms.reaction, 5e6);
  const text = await registry.metrics();
  expect(text).toContain('flowreset_reaction_seconds_bucket{le="0.000025"} 0');
  expect(text).toContain('flowreset_reaction_seconds_bucket{le="0.00005"} 1');
  expect(text).toContain('flowreset_reaction_seconds_bucket{le="0.0002"} 2');
  expect(text).toContain('flowreset_reaction_seconds_bucket{le="1"} 2');
  expect(text).toContain('flowreset_reaction_seconds_bucket{le="+Inf"} 3');
  expect(text).toContain("flowreset_reaction_seconds_count 3");
  expect(text).toContain("flowreset_reaction_seconds_sum 5.00021");
});
