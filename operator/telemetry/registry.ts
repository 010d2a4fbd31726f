/** A Prometheus registry whose values are made when it is scraped, from numbers that are counted elsewhere. */
import { createRequire } from "node:module";
import type { Metric, Registry } from "prom-client";

export interface Measurement {
  readonly type: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  /** A bounded list. */
  collect(): readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

/** prom-client's registry takes whatever answers get() (lib/registry.js); the whole of it brings 15 MB more along. */
export function createRegistry(measurements: readonly Measurement[]): Registry {
  const PrometheusRegistry = createRequire(import.meta.url)("prom-client/lib/registry") as typeof import("prom-client").Registry;
  const registry = new PrometheusRegistry();
  for (const { type, name, help, collect } of measurements) {
    registry.registerMetric({ name, help, type, aggregator: "sum", get: () => ({ name, help, type, values: collect() }) } as unknown as Metric);
  }
  return registry;
}
