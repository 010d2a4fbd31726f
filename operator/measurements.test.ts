import { expect, it } from "vitest";
import { KubeCounters, type KubeClient } from "../kube/mod.ts";
import { measurementsOf } from "./measurements.ts";
import type { Authenticator } from "./stream/mod.ts";

it("whatever the room that speaks to the API server counts can be asked for", () => {
  const counters = new KubeCounters();
  const counted = Object.keys(counters).filter((name) => typeof counters[name as keyof KubeCounters] === "number" && name !== "lastContactMs") as (keyof KubeCounters)[];
  counted.forEach((name, index) => Object.assign(counters, { [name]: 1_001 + index }));
  const measurements = measurementsOf({ version: "1", client: { counters } as KubeClient, authenticator: { figures: { kept: 0, underWay: 0 } } as Authenticator, reports: () => undefined, leading: () => undefined });
  const told = new Set(measurements.flatMap(({ collect }) => collect().map(({ value }) => value)));
  expect(counted.length).toBeGreaterThan(6);
  expect(counted.filter((name) => !told.has(counters[name] as number))).toEqual([]);
});
