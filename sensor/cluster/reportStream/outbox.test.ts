import { describe, expect, it } from "vitest";
import { readReport } from "../../../crds/stream/mod.ts";
import type { EndedFlow, ResetResult } from "../resetResult.ts";
import { ReportOutbox } from "./outbox.ts";
import type { Incident, OutboxFacts } from "./outbox.ts";

const FACTS: OutboxFacts = {
  observed: { policies: "1", flowResets: "1", fleet: "1" },
  health: { enforcement: "Enabled", captureLossPackets: 0, coverage: { interfaces: 1, halfBlind: 0, pods: 1, podsUnseen: 0 }, apiServer: "Connected" },
  failures: [],
  counters: [],
};
const NO_PODS = (): undefined => undefined;

const flow = (port: number): EndedFlow => ({
  connection: `1 ${port}`, client: { ip: "10.0.0.7", port }, server: { ip: "2001:db8::1", port: 443 },
  outcome: "Confirmed", reason: "CutAfterEstablished", suppressed: false, rsts: 2, actor: "first", timeToFirstRstMicroseconds: 90,
});
const result = (uid: string, flows: readonly EndedFlow[] = [], more: Partial<ResetResult> = {}): ResetResult => ({
  uid, kind: "FlowReset", namespace: "shop", name: uid, phase: "Done", matched: flows.length, flows, startedAt: "2026-01-01T00:00:00Z", finishedAt: "2026-01-01T00:00:01Z", ...more,
});
const box = (): ReportOutbox => new ReportOutbox({ node: "n1", fleet: "default", session: "s", version: "1" });
const incident = (count: number): Incident => ({ kind: "ResponsePolicy", namespace: "shop", name: "p", uid: "p", rule: "r", client: "a", server: "b", outcome: "Confirmed", reason: "", count, firstTime: "2026-01-01T00:00:00Z", lastTime: "2026-01-01T00:00:00Z" });

describe("what waits for the operator", () => {
  it("is a report that the operator's own schema reads", () => {
    const outbox = box();
    outbox.addResult(result("a", [flow(1)]), (address) => (address === "10.0.0.7" ? "shop/web" : undefined));
    const report = outbox.compose(FACTS, 0);
    expect(readReport(report)).toEqual({ value: report });
    expect(report.resets[0]!.flows[0]).toMatchObject({ client: "10.0.0.7:1", server: "[2001:db8::1]:443", clientPod: "shop/web", latencyMicroseconds: 90 });
  });

  it("goes out once, and is kept until it is acknowledged", () => {
    const outbox = box();
    outbox.addResult(result("a", [flow(1)]), NO_PODS);
    expect(outbox.compose(FACTS, 0).resets).toHaveLength(1);
    expect(outbox.compose(FACTS, 1).resets).toEqual([]);
    outbox.acknowledge(0);
    expect(outbox.waiting).toBe(1);
    outbox.acknowledge(1);
    expect(outbox.waiting).toBe(0);
  });

  it("goes out again to another operator, and after a while without an acknowledgement", () => {
    const outbox = box();
    outbox.addResult(result("a", [flow(1)]), NO_PODS);
    outbox.compose(FACTS, 0);
    outbox.repeatAll();
    expect(outbox.compose(FACTS, 1).resets[0]?.flows).toHaveLength(1);
    expect(outbox.compose(FACTS, 40_000).resets[0]?.flows).toHaveLength(1);
  });

  it("is told in parts of which only the last is the end", () => {
    const outbox = box();
    outbox.addResult(result("a", Array.from({ length: 150 }, (_, port) => flow(port))), NO_PODS);
    const [first, second] = [outbox.compose(FACTS, 0).resets[0]!, outbox.compose(FACTS, 1).resets[0]!];
    expect([first.phase, first.flows.length, first.finishedAt]).toEqual(["Active", 100, undefined]);
    expect([second.phase, second.flows.length]).toEqual(["Done", 50]);
    outbox.acknowledge(1);
    expect(outbox.waiting).toBe(1);
    outbox.acknowledge(2);
    expect(outbox.waiting).toBe(0);
  });

  it("is not done with when something came after what was acknowledged", () => {
    const outbox = box();
    outbox.addResult(result("a", [flow(1)], { phase: "Active" }), NO_PODS);
    outbox.compose(FACTS, 0);
    outbox.addResult(result("a", []), NO_PODS);
    outbox.acknowledge(1);
    expect(outbox.compose(FACTS, 1).resets[0]).toMatchObject({ phase: "Done", flows: [] });
  });

  it("is bounded: the oldest go, and are counted", () => {
    const outbox = box();
    for (let i = 0; i < 1_030; i++) outbox.addResult(result(`r${i}`), NO_PODS);
    expect([outbox.waiting, outbox.dropped]).toEqual([1_024, 6]);
    outbox.addResult(result("many", Array.from({ length: 20_010 }, (_, port) => flow(port))), NO_PODS);
    expect(outbox.dropped).toBe(17);
  });

  it("says counters when they change, failures when the list does, from the beginning", () => {
    const outbox = box();
    const counters = (reset: number) => [{ uid: "p", kind: "ResponsePolicy" as const, namespace: "shop", name: "p", detections: reset, wouldReset: 0, reset, confirmed: 0, suppressed: 0 }];
    expect(outbox.compose({ ...FACTS, counters: counters(1) }, 0)).toMatchObject({ counters: counters(1), failures: [] });
    const same = outbox.compose({ ...FACTS, counters: counters(1) }, 1);
    expect([same.counters, same.failures]).toEqual([[], undefined]);
    expect(outbox.compose({ ...FACTS, counters: counters(2) }, 2).counters).toEqual(counters(2));
    outbox.repeatAll();
    expect(outbox.compose({ ...FACTS, counters: counters(2) }, 3)).toMatchObject({ counters: counters(2), failures: [] });
  });

  it("says counters and failures anew to a leader that knows nothing of what another acknowledged", () => {
    const outbox = box();
    const counters = [{ uid: "p", kind: "ResponsePolicy" as const, namespace: "shop", name: "p", detections: 1, wouldReset: 0, reset: 1, confirmed: 0, suppressed: 0 }];
    const failures = [{ kind: "ResponsePolicy" as const, namespace: "shop", name: "p", uid: "p", generation: 1, message: "m" }];
    for (const ms of [0, 1]) outbox.compose({ ...FACTS, counters, failures }, ms);
    outbox.acknowledge(2);
    expect(outbox.compose({ ...FACTS, counters, failures }, 2)).toMatchObject({ counters: [] });
    outbox.acknowledge(0);
    expect(outbox.compose({ ...FACTS, counters, failures }, 3)).toMatchObject({ counters, failures });
  });

  it("joins incidents of one kind until they are under way", () => {
    const outbox = box();
    outbox.addIncident(incident(1));
    outbox.addIncident(incident(2));
    expect(outbox.compose(FACTS, 0).incidents).toMatchObject([{ count: 3 }]);
    outbox.addIncident(incident(1));
    expect(outbox.compose(FACTS, 1).incidents).toMatchObject([{ count: 1 }]);
  });

  it("keeps a few of each for the SensorNode", () => {
    const outbox = box();
    outbox.addResult(result("a", Array.from({ length: 20 }, (_, port) => flow(port))), NO_PODS);
    outbox.addResult(result("b"), NO_PODS);
    expect(outbox.unreported(1, 10).map(({ uid }) => uid)).toEqual(["b"]);
    expect(outbox.unreported(100, 10)[0]?.flows).toHaveLength(10);
  });
});
