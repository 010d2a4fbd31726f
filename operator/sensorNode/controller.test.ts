import { describe, expect, it } from "vitest";
import type { KubeClient, KubeObject } from "../../kube/mod.ts";
import { Roster, STALE_AFTER_MS } from "../roster/mod.ts";
import { reportOf } from "../roster/report.fixture.ts";
import { SensorNodeController } from "./controller.ts";
import { sensorNodeFacts } from "./facts.ts";

const reset = { kind: "FlowReset", namespace: "shop", name: "kill", uid: "u", phase: "Done", matched: 0, flows: [], startedAt: "2026-11-26T12:00:00Z" };

/** One node, n1, and its SensorNode. */
function world(status: object = {}) {
  let nowMs = 0;
  let raw: KubeObject | undefined = { apiVersion: "flowreset.io/v1alpha1", kind: "SensorNode", metadata: { name: "n1", uid: "s1", resourceVersion: "5" }, spec: { fleet: "default" }, status };
  let hasNode = true;
  let isWanted = true;
  let looks = 0;
  const gone: string[] = [];
  const observed: { before: number; policies: number; flowResets: number }[] = [];
  const taken: string[] = [];
  const enqueued: string[] = [];
  const roster = new Roster();
  const client = {
    find: async () => raw,
    listAll: async () => ({ items: hasNode ? [{}] : [] }),
    delete: async () => void (raw = undefined),
    patchStatus: async (_resource: unknown, _reference: unknown, next: object) => (raw = { ...raw!, status: next }),
  } as unknown as KubeClient;
  const controller = new SensorNodeController({
    client,
    roster,
    fieldManager: "test",
    find: () => (raw === undefined ? undefined : sensorNodeFacts(raw)),
    hasNode: () => hasNode,
    isWanted: () => isWanted,
    enqueue: (name) => void enqueued.push(name),
    takeUnreported: (_node, _session, results) => void taken.push(...results.map(({ uid }) => uid)),
    onFreshness: () => looks++,
    onGone: (node) => void gone.push(node),
    onObserved: ({ policies, flowResets }, before) => void observed.push({ before, policies, flowResets }),
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
  return {
    roster, gone, observed, taken, enqueued, controller,
    looks: () => looks,
    exists: () => raw !== undefined,
    ready: () => sensorNodeFacts(raw!).ready,
    reports: () => void roster.hear(reportOf("n1"), nowMs),
    nodeGoes: () => void (hasNode = false),
    fleetGoes: () => void (isWanted = false),
    removed: () => {
      const object = sensorNodeFacts(raw!);
      raw = undefined;
      controller.unsee(object);
    },
    falls: () => {
      nowMs += STALE_AFTER_MS;
      controller.sweep();
    },
    reconcile: () => controller.reconcile("n1", new AbortController().signal),
  };
}

it("what a SensorNode says that its sensor has taken over is told on where no report says it, once", () => {
  const { controller, observed, reports } = world();
  const says = (second: number, policies: string, flowResets: string) => {
    const status = { heartbeatTime: new Date(second * 1_000).toISOString(), observed: { policies, flowResets } };
    controller.see(sensorNodeFacts({ apiVersion: "flowreset.io/v1alpha1", kind: "SensorNode", metadata: { name: "n1", uid: "s1", resourceVersion: "6" }, status }));
  };
  says(0, "20", "20");
  says(60, "30", "20");
  says(120, "30", "25");
  says(180, "30", "25");
  reports();
  says(240, "200", "200");
  expect(observed).toEqual([{ before: 0, policies: 20, flowResets: 20 }, { before: 20, policies: 30, flowResets: 20 }, { before: 30, policies: 30, flowResets: 25 }]);
});

describe("the sensor of a node", () => {
  it("is forgotten with its Node, and whoever counts by sensors is told", async () => {
    const { reports, nodeGoes, reconcile, roster, gone, exists } = world();
    reports();
    nodeGoes();
    await reconcile();
    expect([exists(), roster.sensors.size, gone]).toEqual([false, 0, ["n1"]]);
  });

  it("is called silent where it should be heard", async () => {
    const { reports, falls, reconcile, ready, roster } = world();
    reports();
    falls();
    await reconcile();
    expect([ready(), roster.sensors.size]).toEqual(["Unknown", 1]);
  });

  it("that is silent is missed no more where no fleet wants one on its node any longer, before it fell silent or after", async () => {
    for (const order of [["fleetGoes", "falls"], ["falls", "fleetGoes"]] as const) {
      const here = world();
      here.reports();
      for (const step of order) here[step]();
      here.enqueued.length = 0;
      here.controller.lookAtSilent();
      expect(here.enqueued).toEqual(["n1"]);
      await here.reconcile();
      expect([here.exists(), here.roster.sensors.size, here.gone]).toEqual([false, 0, ["n1"]]);
    }
  });

  it("that is heard stays known whatever fleets want: it may be on its way out", async () => {
    const { reports, fleetGoes, reconcile, exists, roster } = world();
    reports();
    fleetGoes();
    await reconcile();
    expect([exists(), roster.sensors.size]).toEqual([true, 1]);
  });

  it("that is silent is missed no more when somebody takes its SensorNode away; one that is heard writes it anew", () => {
    const silent = world();
    silent.reports();
    silent.falls();
    const looks = silent.looks();
    silent.removed();
    expect([silent.roster.sensors.size, silent.looks()]).toEqual([0, looks + 1]);
    const heard = world();
    heard.reports();
    heard.removed();
    expect(heard.roster.sensors.size).toBe(1);
  });
});

it("results that a SensorNode holds are taken one by one: what cannot be read keeps back neither the others nor the look at its node", async () => {
  const unreported = [{ ...reset, uid: "u1" }, null, { ...reset, uid: "u2", flows: undefined }, { ...reset, uid: "u3", matched: "many" }, { ...reset, uid: "u4", mood: "new" }];
  const { reports, falls, reconcile, taken, ready } = world({ session: "s1", unreported });
  reports();
  falls();
  await reconcile();
  expect(taken).toEqual(["u1", "u4"]);
  expect(ready()).toBe("Unknown");
});
