import { describe, expect, it } from "vitest";
import type { PolicyStatus } from "../../crds/mod.ts";
import type { EventRecorder, KubeClient, KubeObject } from "../../kube/mod.ts";
import { Roster } from "../roster/mod.ts";
import { reportOf } from "../roster/report.fixture.ts";
import { PolicyController } from "./controller.ts";
import { policyFacts } from "./facts.ts";
import { SETTLE_MS } from "./limits.ts";

const SPEC = { mode: "Observe", subject: { podSelector: {} }, rules: [{ name: "r", connection: {} }] };

/** One policy, and a sensor that reports what it has taken over. */
function world() {
  let nowMs = Date.parse("2026-11-26T12:00:00Z");
  let version = 100;
  let sequence = 0;
  let raw: KubeObject = { apiVersion: "flowreset.io/v1alpha1", kind: "ResponsePolicy", metadata: { name: "p", namespace: "shop", uid: "u", generation: 1, resourceVersion: "100" }, spec: SPEC };
  const client = {
    patchStatus: async (_resource: unknown, _reference: unknown, status: PolicyStatus) => (raw = { ...raw, metadata: { ...raw.metadata, resourceVersion: String(++version) }, status }),
  } as unknown as KubeClient;
  const roster = new Roster();
  const controller = new PolicyController({
    client,
    recorder: { record: () => {} } as unknown as EventRecorder,
    roster,
    fieldManager: "test",
    find: () => policyFacts(raw),
    count: () => 1,
    labelsOfNode: () => ({}),
    labelsOfNamespace: () => ({}),
    fleets: () => [],
    answerSpreadMs: () => 0,
    enqueueAfter: () => {},
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
  controller.see(policyFacts(raw));
  return {
    reports: (policies: string, fleet: string) => {
      const report = reportOf("n1", { sequence: ++sequence, observed: { policies, flowResets: policies, fleet } });
      controller.hear(report, roster.hear(report, nowMs)!);
    },
    /** The API server comes back from a backup, and counts its versions anew from there. */
    restore: () => void (raw = { ...raw, metadata: { ...raw.metadata, resourceVersion: String((version = 40)) } }),
    change: () => void (raw = { ...raw, metadata: { ...raw.metadata, generation: 2, resourceVersion: String((version = 50)) } }),
    pass: (ms: number) => void (nowMs += ms),
    look: async (): Promise<string> => {
      await controller.reconcile("ResponsePolicy shop/p", new AbortController().signal);
      const { observedGeneration, conditions } = raw.status as PolicyStatus;
      const { status, reason } = conditions!.find(({ type }) => type === "Ready")!;
      return `${observedGeneration} ${status} ${reason}`;
    },
  };
}

describe("a policy when the API server is restored from a backup", () => {
  it("stays Ready, and a change after it is Ready only when sensors have loaded it", async () => {
    const { reports, restore, change, pass, look } = world();
    reports("100", "90");
    expect(await look()).toBe("1 True Loaded");
    pass(SETTLE_MS);
    restore();
    pass(SETTLE_MS);
    // One of its watches has been told; then all.
    reports("100", "39");
    expect(await look()).toBe("1 True Loaded");
    reports("41", "41");
    pass(SETTLE_MS);
    expect(await look()).toBe("1 True Loaded");
    change();
    pass(SETTLE_MS);
    await look();
    pass(SETTLE_MS);
    expect(await look()).toBe("2 False Loading");
    reports("60", "41");
    pass(SETTLE_MS);
    expect(await look()).toBe("2 True Loaded");
  });
});
