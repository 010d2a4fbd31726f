import { describe, expect, it } from "vitest";
import type { FlowResetStatus } from "../../crds/mod.ts";
import { KubeError, type EventRecorder, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import { Roster } from "../roster/mod.ts";
import { reportOf } from "../roster/report.fixture.ts";
import { FlowResetController } from "./controller.ts";
import { flowResetFacts } from "./facts.ts";

const MADE = Date.parse("2026-11-26T12:00:00Z");

/** One FlowReset for pods of a label, and a sensor that has looked. */
function world({ list = async function* () {}, status = {}, labels = { app: "web" } }: { list?: () => AsyncIterable<unknown>; status?: FlowResetStatus; labels?: Record<string, string> } = {}) {
  let nowMs = MADE + 10;
  const obstacles: string[] = [];
  const deleted: string[] = [];
  let raw: KubeObject = {
    apiVersion: "flowreset.io/v1alpha1",
    kind: "FlowReset",
    metadata: { name: "kill", namespace: "shop", uid: "u", resourceVersion: "10", generation: 1, creationTimestamp: "2026-11-26T12:00:00Z" },
    spec: { match: { client: { podSelector: { matchLabels: labels } } } },
    status,
  };
  const client = {
    list,
    find: async () => undefined,
    delete: async (_resource: unknown, { name }: { name: string }) => void deleted.push(name),
    patchStatus: async (_resource: unknown, _reference: unknown, next: FlowResetStatus) => (raw = { ...raw, metadata: { ...raw.metadata, resourceVersion: "11" }, status: next }),
  } as unknown as KubeClient;
  const roster = new Roster();
  roster.hear(reportOf("n1"), nowMs);
  const controller = new FlowResetController({
    client,
    recorder: { record: () => {} } as unknown as EventRecorder,
    roster,
    fieldManager: "test",
    nodesOfAddress: () => [],
    answerSpreadMs: () => 0,
    find: () => flowResetFacts(raw),
    onObstacle: ({ message }) => void obstacles.push(message),
    enqueue: () => {},
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
  const reconcile = () => controller.reconcile("FlowReset shop/kill", new AbortController().signal);
  return { controller, obstacles, deleted, reconcile, status: () => raw.status as FlowResetStatus, pass: (ms: number) => void (nowMs += ms) };
}

const refused = (status: number, reason: string) =>
  world({
    // oxlint-disable-next-line require-yield
    list: async function* () {
      throw new KubeError({ status, reason, verb: "list", resource: "pods", name: "", path: "GET /api/v1/pods", message: "no" });
    },
  });

describe("a FlowReset whose pods cannot be asked for", () => {
  it.each([
    [403, "Forbidden", "is refused the question"],
    [400, "BadRequest", "asks by a selector that the API server does not take, though our schema did"],
    [422, "Invalid", "asks by a selector that a later API server does not take"],
  ])("asks all sensors, and comes to its end: %d %s, it %s", async (code, reason) => {
    const { reconcile, status, obstacles } = refused(code, reason);
    await reconcile();
    expect(status()).toMatchObject({ phase: "Succeeded", sensors: { asked: 1, answered: 1 } });
    expect(obstacles).toHaveLength(1);
  });

  it("is looked at again where that may pass", async () => {
    const { reconcile, status } = refused(503, "ServiceUnavailable");
    await expect(reconcile()).rejects.toThrow(/503/);
    expect(status()).toEqual({});
  });
});

it("a FlowReset that is over without saying since when is not taken away at once: its time to live is counted from its making", async () => {
  const { reconcile, deleted, pass } = world({ status: { phase: "Succeeded" } });
  await reconcile();
  expect(deleted).toEqual([]);
  pass(86_400_000);
  await reconcile();
  expect(deleted).toEqual(["kill"]);
});
