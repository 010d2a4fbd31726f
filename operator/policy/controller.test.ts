import { describe, expect, it } from "vitest";
import type { PolicyStatus } from "../../crds/mod.ts";
import type { Report } from "../../crds/stream/mod.ts";
import type { EventRecorder, KubeClient, KubeObject } from "../../kube/mod.ts";
import { Roster } from "../roster/mod.ts";
import { reportOf } from "../roster/report.fixture.ts";
import { PolicyController } from "./controller.ts";
import { policyFacts } from "./facts.ts";
import { SETTLE_MS } from "./limits.ts";

const HEALTH = reportOf("n1").health;
const SPEC = { mode: "Observe", subject: { podSelector: {} }, rules: [{ name: "r", connection: {} }] };

/** One policy, and a sensor that reports what it has taken over. */
function world() {
  let nowMs = Date.parse("2026-11-26T12:00:00Z");
  let version = 100;
  let sequence = 0;
  let againMs: number | undefined;
  const enqueued: string[] = [];
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
    enqueueAfter: (key) => void enqueued.push(key),
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
  controller.see(policyFacts(raw));
  const report = (more: Partial<Report>): void => {
    const told = { ...reportOf("n1", { sequence: ++sequence }), ...more };
    controller.hear(told, roster.hear(told, nowMs)!);
  };
  const condition = (type: string): string => {
    const { status, reason } = (raw.status as PolicyStatus).conditions!.find((each) => each.type === type)!;
    return `${status} ${reason}`;
  };
  return {
    report, enqueued, condition,
    againMs: () => againMs,
    reports: (policies: string, fleet: string) => report({ observed: { policies, flowResets: policies, fleet } }),
    /** The API server comes back from a backup, and counts its versions anew from there. */
    restore: () => void (raw = { ...raw, metadata: { ...raw.metadata, resourceVersion: String((version = 40)) } }),
    change: () => void (raw = { ...raw, metadata: { ...raw.metadata, generation: 2, resourceVersion: String((version = 50)) } }),
    pass: (ms: number) => void (nowMs += ms),
    look: async (): Promise<string> => {
      againMs = await controller.reconcile("ResponsePolicy shop/p", new AbortController().signal);
      return `${(raw.status as PolicyStatus).observedGeneration} ${condition("Ready")}`;
    },
  };
}

describe("what a policy says of its sensors", () => {
  it("is looked at again when one is stopped by hand on its node, and when it is started", async () => {
    const { report, enqueued, look } = world();
    report({});
    await look();
    enqueued.length = 0;
    report({});
    expect(enqueued).toEqual([]);
    report({ health: { ...HEALTH, enforcement: "Stopped" } });
    expect(enqueued).toEqual(["ResponsePolicy shop/p"]);
    report({ health: { ...HEALTH, enforcement: "Stopped" } });
    report({ health: HEALTH });
    expect(enqueued).toEqual(["ResponsePolicy shop/p", "ResponsePolicy shop/p"]);
  });

  it("is looked at again while one starts: that it has loaded is no news for a policy that is Ready", async () => {
    const { report, look, condition, againMs, pass } = world();
    for (const node of ["n1", "n2"]) report({ node });
    await look();
    pass(SETTLE_MS);
    report({ session: "s2", observed: { policies: "", flowResets: "", fleet: "" } });
    await look();
    expect([condition("Coverage"), condition("Ready")]).toEqual(["False SensorsStarting", "True Loaded"]);
    expect(againMs()).toBeGreaterThan(0);
    pass(againMs()!);
    report({ session: "s2" });
    await look();
    expect([condition("Coverage"), againMs()]).toEqual(["True AllReport", undefined]);
  });
});

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
