/** A leader that begins while a FlowReset holds: what is acknowledged to sensors is told by its status alone. */
import { describe, expect, it } from "vitest";
import type { FlowInStatus, FlowResetStatus } from "../../crds/mod.ts";
import type { FlowResult, ResetReport } from "../../crds/stream/mod.ts";
import type { EventRecorder, KubeClient, KubeObject } from "../../kube/mod.ts";
import { Roster } from "../roster/mod.ts";
import { reportOf } from "../roster/report.fixture.ts";
import { FlowResetController } from "./controller.ts";
import { flowResetFacts } from "./facts.ts";
import { TAKEOVER_WAIT_MS } from "./limits.ts";

const MADE = Date.parse("2026-11-26T12:00:00Z");
const HOLD_S = 120;
const key = "FlowReset shop/kill";
const shown = (index: number, more: Partial<FlowInStatus> = {}): FlowInStatus => ({ node: "n1", client: `10.0.0.7:${4_000 + index}`, server: "10.0.0.9:80", outcome: "Confirmed", latency: "0.4ms", ...more });
const flow = (index: number, more: Partial<FlowResult> = {}): FlowResult => ({ connection: `${index} 9`, client: `10.0.0.7:${4_000 + index}`, server: "10.0.0.9:80", outcome: "Confirmed", reason: "", rsts: 2, latencyMicroseconds: 400, actor: "first", ...more });
const reset = (more: Partial<ResetReport> = {}): ResetReport => ({ kind: "FlowReset", namespace: "shop", name: "kill", uid: "u", phase: "Active", matched: 1, flows: [], startedAt: "2026-11-26T12:00:00.100Z", ...more });
const none = { matched: 0, reset: 0, confirmed: 0, unconfirmed: 0, evaded: 0, failed: 0, wouldReset: 0, suppressed: 0 };
const earlier = (count: number, more: Partial<FlowInStatus> = {}): FlowResetStatus => ({
  phase: "Active",
  startTime: "2026-11-26T12:00:00Z",
  holdUntilTime: "2026-11-26T12:02:00Z",
  summary: { ...none, matched: count, reset: count, confirmed: count },
  flows: Array.from({ length: Math.min(10, count) }, (_, index) => shown(index, more)),
});

/** One that leads since twenty seconds after the FlowReset was made. */
function leader(status: FlowResetStatus) {
  let nowMs = MADE + 20_000;
  let version = 10;
  let raw: KubeObject = {
    apiVersion: "flowreset.io/v1alpha1",
    kind: "FlowReset",
    metadata: { name: "kill", namespace: "shop", uid: "u", resourceVersion: String(version), generation: 1, creationTimestamp: "2026-11-26T12:00:00Z" },
    spec: { match: { client: { ip: "10.0.0.7" } }, hold: `${HOLD_S}s` },
    status,
  };
  const client = {
    list: async function* () {
      yield { items: [{ spec: { nodeName: "n1" } }] };
    },
    find: async () => undefined,
    patchStatus: async (_resource: unknown, _reference: unknown, next: FlowResetStatus) => (raw = { ...raw, metadata: { ...raw.metadata, resourceVersion: String(++version) }, status: next }),
  } as unknown as KubeClient;
  const roster = new Roster();
  const controller = new FlowResetController({
    client,
    recorder: { record: () => {} } as unknown as EventRecorder,
    roster,
    fieldManager: "test",
    nodesOfAddress: () => [],
    answerSpreadMs: () => 0,
    find: () => flowResetFacts(raw),
    onObstacle: () => {},
    enqueue: () => {},
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
  let sequence = 0;
  return {
    /** Fresh, and has not looked yet. */
    wakes: (node: string) => void roster.hear(reportOf(node, { observed: { policies: "1", flowResets: "1", fleet: "1" } }), nowMs),
    hear: (node: string, ...resets: ResetReport[]) => {
      const report = reportOf(node, { sequence: ++sequence, resets, observed: { policies: "99", flowResets: "99", fleet: "99" } });
      controller.hear(report, roster.hear(report, nowMs)!.isNewSession);
      return () => controller.acknowledged(node, report.sequence);
    },
    /** The API server comes back from a backup, and counts its versions anew from there. */
    restore: (older: FlowResetStatus) => void (raw = { ...raw, metadata: { ...raw.metadata, resourceVersion: String((version = 3)) }, status: older }),
    at: async (seconds: number): Promise<FlowResetStatus> => {
      nowMs = MADE + seconds * 1_000;
      await controller.reconcile(key, new AbortController().signal);
      return raw.status as FlowResetStatus;
    },
  };
}

describe("a FlowReset that a new leader takes over", () => {
  it("keeps what its status says of connections that no sensor tells of again", async () => {
    const { hear, at } = leader(earlier(3));
    hear("n1");
    expect((await at(31)).summary).toMatchObject({ matched: 3, reset: 3, confirmed: 3 });
    const ended = await at(HOLD_S + 1);
    expect(ended).toMatchObject({ phase: "Succeeded", summary: { matched: 3, confirmed: 3 }, message: "3 of 3 connections reset: 3 proved dead" });
    expect(ended.flows).toHaveLength(3);
  });

  it("adds what came later, and counts what is told again once, whichever node tells it", async () => {
    const { hear, at } = leader(earlier(3));
    hear("n1", reset({ matched: 5, flows: [flow(2), flow(3), flow(4)] }));
    hear("n2", reset({ matched: 3, flows: [flow(2, { actor: "second" })] }));
    expect((await at(HOLD_S + 1)).summary).toMatchObject({ matched: 5, reset: 5, confirmed: 5 });
  });

  it("takes a better word of a connection that the status shows", async () => {
    const status = { ...earlier(2, { outcome: "Unconfirmed" }), summary: { ...none, matched: 2, reset: 2, unconfirmed: 2 } };
    const { hear, at } = leader(status);
    hear("n1", reset({ phase: "Done", matched: 2, flows: [flow(0)] }));
    expect((await at(HOLD_S + 1)).summary).toMatchObject({ matched: 2, reset: 2, confirmed: 1, unconfirmed: 1 });
  });

  it("neither loses nor doubles any of more connections than a status shows", async () => {
    const { hear, at } = leader(earlier(40));
    hear("n1", reset({ matched: 40, flows: Array.from({ length: 30 }, (_, index) => flow(index)) }));
    expect((await at(HOLD_S + 1)).summary).toMatchObject({ matched: 40, reset: 40, confirmed: 40 });
  });

  it("ends also where the API server forgot meanwhile what was written", async () => {
    const { hear, at, restore } = leader(earlier(1));
    hear("n1", reset({ matched: 1, flows: [flow(0)] }));
    expect((await at(HOLD_S + 1)).phase).toBe("Succeeded");
    restore(earlier(1));
    expect((await at(HOLD_S + 20)).phase).toBe("Succeeded");
  });

  it("is not called seen by nobody where its sensor is silent by now", async () => {
    const { at } = leader(earlier(1));
    await at(TAKEOVER_WAIT_MS / 1_000);
    expect(await at(HOLD_S + 1)).toMatchObject({ phase: "Succeeded", summary: { matched: 1 } });
  });

  it("is told of a refusal again: that is acknowledged only when it has ended", async () => {
    const { wakes, hear, at } = leader({});
    wakes("n1");
    const acknowledged = hear("n2", reset({ phase: "Failed", reason: "TooManyFlows", matched: 500 }));
    await at(21);
    expect((await at(22)).phase).toBe("Active");
    expect(acknowledged()).toBe(0);
    hear("n1");
    expect((await at(23)).phase).toBe("Failed");
    expect(acknowledged()).toBe(1);
  });
});
