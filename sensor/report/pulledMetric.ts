/**
 * A metric whose values are made when Prometheus asks, from numbers that are counted elsewhere. prom-client's own
 * classes cost 60 to 1300 ns an update and have no way to set a histogram; its registry takes whatever answers
 * get() (lib/registry.js, getMetricsAsString), so this is all that is needed.
 */
import type { Metric, Registry } from "prom-client";
import type { HistogramLayout } from "./counters.ts";

export type MetricType = "counter" | "gauge" | "histogram";

/** One sample; `metricName` only where it differs from the metric's (histograms). */
export interface Sample {
  metricName?: string;
  labels?: Readonly<Record<string, string>>;
  value: number;
}

/** Registers a metric; `collect` returns a bounded list. Throws when the name is taken. */
export function registerPulled(
  registry: Registry,
  type: MetricType,
  name: string,
  help: string,
  collect: () => Sample[],
): void {
  const metric = { name, help, type, aggregator: "sum", get: () => ({ name, help, type, values: collect() }) };
  registry.registerMetric(metric as unknown as Metric);
}

/** Cumulative buckets in seconds, then sum and count, added up over the Workers' arrays. */
export function histogramSamples(
  name: string,
  layout: HistogramLayout,
  arrays: readonly Float64Array[],
): Sample[] {
  const { base, boundsMicroseconds: bounds } = layout;
  const total = (index: number) => arrays.reduce((sum, values) => sum + values[base + index], 0);
  const samples: Sample[] = [];
  let cumulative = 0;
  for (let bucket = 0; bucket <= bounds.length; bucket++) {
    cumulative += total(bucket);
    const le = bucket === bounds.length ? "+Inf" : String(bounds[bucket] / 1e6);
    samples.push({ metricName: `${name}_bucket`, labels: { le }, value: cumulative });
  }
  samples.push({ metricName: `${name}_sum`, value: total(bounds.length + 1) / 1e6 });
  samples.push({ metricName: `${name}_count`, value: cumulative });
  return samples;
}
