/**
 * The Prometheus registry: every number is read from the Workers' shared counters at the moment of the scrape.
 * Label sets are bounded: workers by their number, reasons by their tables, policies by LabelTable, series by
 * SeriesTable.
 */
import { createRequire } from "node:module";
import type { Registry } from "prom-client";
import { Families, Histograms } from "./counters.ts";
import type { Counters, Family } from "./counters.ts";
import type { LabelTable } from "./labels.ts";
import { SINGLE_METRICS } from "./metricTable.ts";
import { histogramSamples, registerPulled } from "./pulledMetric.ts";
import type { Sample } from "./pulledMetric.ts";
import { SeriesKind } from "./series.ts";

/** Names for the numbers that Workers count by: the rooms that own them supply these. */
export interface MetricNames {
  decodeReason(reason: number): string;
  flowRefusal(reason: number): string;
  flowEviction(reason: number): string;
  flowWorth(worth: number): string;
  verdict(verdict: number): string;
  /** Reason of a verdict: guards. */
  verdictReason(reason: number): string;
  target(target: number): string;
  outcome(outcome: number): string;
  outcomeReason(reason: number): string;
}

export interface PolicyLoadState {
  /** Objects in force, and objects whose last good version is in force because the new one is broken. */
  loaded: number;
  broken: number;
  generation: number;
  /** Seconds since 1970 of the last successful load. */
  lastLoadSeconds: number;
}

export interface QueueState {
  queuedBytes: number;
  capacityBytes: number;
  written: number;
  dropped: number;
}

export interface MetricSources {
  version: string;
  counters: readonly Counters[];
  labels: LabelTable;
  names: MetricNames;
  policies(): PolicyLoadState;
  /** Of the event writer. */
  events(): QueueState;
  /** Of the rings between Workers and main thread: fill and capacity in all. */
  records(): { usedBytes: number; capacityBytes: number };
  /** Verdict names that injected nothing because of the policy's mode. */
  wouldVerdicts: readonly string[];
  /** Verdict names that stand for "a guard said no". */
  suppressVerdicts: readonly string[];
}

/** Nothing is read before the first scrape. */
export function createMetrics(sources: MetricSources): Registry {
  // Workers come through this room's door too: prom-client is not for them. And only its registry is for us: the
  // whole brings its push gateway, https and OpenTelemetry along (15 MB).
  const PrometheusRegistry = createRequire(import.meta.url)("prom-client/lib/registry") as typeof import("prom-client").Registry;
  const registry = new PrometheusRegistry();
  registerSingles(registry, sources);
  registerFamilies(registry, sources);
  registerSeries(registry, sources);
  registerProcess(registry, sources);
  const arrays = sources.counters.map((counters) => counters.values);
  const reaction = "flowreset_reaction_seconds";
  registerPulled(registry, "histogram", reaction, "Trigger on the wire to the first RST handed to the kernel", () =>
    histogramSamples(reaction, Histograms.reaction, arrays),
  );
  const identity = "flowreset_pod_identity_gap_seconds";
  registerPulled(registry, "histogram", identity, "First packet of a new pod's connection to the word of whose it is", () =>
    histogramSamples(identity, Histograms.identity, arrays),
  );
  const timeToDead = "flowreset_time_to_dead_seconds";
  registerPulled(registry, "histogram", timeToDead, "First RST to the proof that both ends are dead", () =>
    histogramSamples(timeToDead, Histograms.timeToDead, arrays),
  );
  return registry;
}

function registerSingles(registry: Registry, { counters }: MetricSources): void {
  for (const { counter, type, name, help, scale } of SINGLE_METRICS) {
    registerPulled(registry, type, name, help, () =>
      counters.map(({ values }, worker) => ({
        labels: { worker: String(worker) },
        value: values[counter] * (scale ?? 1),
      })),
    );
  }
}

function registerFamilies(registry: Registry, { counters, names }: MetricSources): void {
  const family = (name: string, label: string, help: string, layout: Family, nameOf: (n: number) => string) =>
    registerPulled(registry, "counter", name, help, () => familySamples(counters, layout, label, nameOf));
  family("flowreset_decode_refused_packets_total", "reason", "Packets that decode refused", Families.decode, (n) =>
    names.decodeReason(n),
  );
  family("flowreset_flow_ignored_packets_total", "reason", "Packets that changed no flow", Families.flowRefusals, (n) =>
    names.flowRefusal(n),
  );
  family("flowreset_flows_evicted_total", "reason", "Flows that left the table: silent, for want of room, or replaced", Families.flowEvictions, (n) =>
    names.flowEviction(n),
  );
  family("flowreset_inject_errors_total", "errno", "Forged packets that the kernel refused", Families.injectErrors, String);
  registerPulled(registry, "gauge", "flowreset_flows_by_state", "Flows in the table", () =>
    familySamples(counters, Families.flowWorths, "state", (n) => names.flowWorth(n)),
  );
}

/** The sum over Workers, zeros left out (a family has far more reasons than ever happen). */
function familySamples(
  counters: readonly Counters[],
  layout: Family,
  label: string,
  nameOf: (n: number) => string,
): Sample[] {
  const byName = new Map<string, number>();
  for (let index = 0; index < layout.size; index++) {
    let value = 0;
    for (const { values } of counters) value += values[layout.base + index];
    if (value === 0) continue;
    const name = index === layout.size - 1 ? "other" : nameOf(index);
    byName.set(name, (byName.get(name) ?? 0) + value);
  }
  return [...byName].map(([name, value]) => ({ labels: { [label]: name }, value }));
}

function registerSeries(registry: Registry, sources: MetricSources): void {
  const { names, labels } = sources;
  registerPulled(registry, "counter", "flowreset_resets_total", "Connections reset, by outcome", () =>
    seriesSamples(sources, SeriesKind.Reset, ({ policy, a, b, reason }) => ({
      policy: labels.name(policy),
      target: names.target(a),
      outcome: names.outcome(b),
      reason: names.outcomeReason(reason),
    })),
  );
  const verdicts = (name: string, help: string, only: readonly string[] | undefined) =>
    registerPulled(registry, "counter", name, help, () =>
      seriesSamples(sources, SeriesKind.Verdict, ({ policy, a, reason }) => {
        const verdict = names.verdict(a);
        if (only !== undefined && !only.includes(verdict)) return undefined;
        return { policy: labels.name(policy), verdict, reason: names.verdictReason(reason) };
      }),
    );
  verdicts("flowreset_verdicts_total", "What was decided about findings", undefined);
  verdicts("flowreset_would_resets_total", "Resets that the policy's mode, or the emergency stop, held back", sources.wouldVerdicts);
  verdicts("flowreset_suppressed_total", "Resets that a guard refused; reason is the guard", sources.suppressVerdicts);
}

interface SeriesLabels {
  policy: number;
  a: number;
  b: number;
  reason: number;
}

/** Sums Workers' series that have the same labels; `labelsOf` undefined leaves a series out. */
function seriesSamples(
  { counters }: MetricSources,
  kind: number,
  labelsOf: (series: SeriesLabels) => Record<string, string> | undefined,
): Sample[] {
  const merged = new Map<string, { labels: Record<string, string>; value: number }>();
  let overflow = 0;
  for (const { series: table } of counters) {
    overflow += kind === SeriesKind.Reset ? table.overflowResets : table.overflowVerdicts;
    table.forEach((series) => {
      if (series.kind !== kind) return;
      const labels = labelsOf(series);
      if (labels === undefined) return;
      const key = JSON.stringify(labels);
      const known = merged.get(key);
      if (known === undefined) merged.set(key, { labels, value: series.value });
      else known.value += series.value;
    });
  }
  const samples: Sample[] = [...merged.values()];
  if (overflow > 0) samples.push({ labels: { policy: "other", reason: "other" }, value: overflow });
  return samples;
}

function registerProcess(registry: Registry, sources: MetricSources): void {
  const gauge = (name: string, help: string, read: () => number, labels: Record<string, string> = {}) =>
    registerPulled(registry, "gauge", name, help, () => [{ labels, value: read() }]);
  const counter = (name: string, help: string, read: () => number) =>
    registerPulled(registry, "counter", name, help, () => [{ value: read() }]);
  gauge("flowreset_build_info", "Always 1", () => 1, { version: sources.version, node: process.versions.node });
  gauge("flowreset_policies_loaded", "Policy objects in force", () => sources.policies().loaded);
  gauge("flowreset_policies_broken", "Policy objects refused; their last good version stays", () => sources.policies().broken);
  gauge("flowreset_policy_generation", "Grows with every accepted change", () => sources.policies().generation);
  gauge("flowreset_policy_last_load_timestamp_seconds", "Last successful load", () => sources.policies().lastLoadSeconds);
  gauge("flowreset_event_queue_bytes", "Event lines waiting to be written", () => sources.events().queuedBytes);
  gauge("flowreset_event_queue_capacity_bytes", "Limit of the event queue", () => sources.events().capacityBytes);
  counter("flowreset_events_written_total", "Event lines written", () => sources.events().written);
  counter("flowreset_events_dropped_total", "Event lines lost: slow reader, full disk", () => sources.events().dropped);
  gauge("flowreset_record_ring_bytes", "Records between Workers and main thread", () => sources.records().usedBytes);
  gauge("flowreset_record_ring_capacity_bytes", "Limit of the record rings", () => sources.records().capacityBytes);
  gauge("process_resident_memory_bytes", "Resident memory", () => process.memoryUsage.rss());
  counter("process_cpu_seconds_total", "Processor time, user and system", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  const started = Date.now() / 1000 - process.uptime();
  gauge("process_start_time_seconds", "Start of the process since 1970", () => started);
}
