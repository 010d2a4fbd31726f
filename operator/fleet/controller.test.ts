import { expect, it } from "vitest";
import type { KubeClient, KubeObject } from "../../kube/mod.ts";
import { Roster } from "../roster/mod.ts";
import { FleetController } from "./controller.ts";
import { daemonSetFacts, fleetFacts, type FleetFacts } from "./facts.ts";

const MINUTE_MS = 60_000;

/** A fleet of so many sensors, one of which does not work, over so long. @returns how often its pods were asked for */
async function podsAskedFor(sensors: number, forMs: number): Promise<number> {
  let nowMs = 0;
  let asked = 0;
  let raw: KubeObject = { apiVersion: "flowreset.io/v1alpha1", kind: "SensorFleet", metadata: { name: "default", uid: "u1", generation: 1, resourceVersion: "1" }, spec: {} };
  const status = { observedGeneration: 1, desiredNumberScheduled: sensors, numberReady: sensors - 1, updatedNumberScheduled: sensors, numberUnavailable: 1 };
  const daemonSet = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "flowreset-sensor-default", uid: "d1", generation: 1, ownerReferences: [{ apiVersion: "", kind: "", name: "", uid: "u1", controller: true }] }, status };
  const client = {
    list: async function* () {
      asked++;
      yield { items: [] };
    },
    apply: async () => daemonSet,
    patchStatus: async (_resource: unknown, _reference: unknown, next: object) => (raw = { ...raw, metadata: { ...raw.metadata, resourceVersion: String(Number(raw.metadata.resourceVersion) + 1) }, status: next }),
  } as unknown as KubeClient;
  const controller = new FleetController({
    client,
    roster: new Roster(),
    fieldManager: "test",
    namespace: "flowreset-system",
    serviceAccount: "flowreset-sensor",
    defaultImage: "flowreset:1",
    markKeySecret: "flowreset-mark-key",
    markKeyUid: () => undefined,
    fleets: () => new Map<string, FleetFacts>([["default", fleetFacts(raw)]]),
    daemonSet: () => daemonSetFacts(daemonSet),
    nodes: () => [],
    missingRights: () => [],
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
  while (nowMs < forMs) nowMs += (await controller.reconcile("default", new AbortController().signal)) ?? forMs;
  return asked;
}

it("pods are asked for why one of them does not work as often as an API server can afford: of thousands one is always down", async () => {
  expect(await podsAskedFor(10, 10 * MINUTE_MS)).toBeGreaterThanOrEqual(50);
  // 5,000 pods are 40 MB.
  expect(await podsAskedFor(5_000, 60 * MINUTE_MS)).toBeLessThanOrEqual(40);
});
