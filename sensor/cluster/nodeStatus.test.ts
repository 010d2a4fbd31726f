import { describe, expect, it } from "vitest";
import { sensorNodeStatus } from "../../crds/mod.ts";
import type { Condition } from "../../crds/mod.ts";
import { nodeStatus } from "./nodeStatus.ts";
import type { NodeFacts } from "./nodeStatus.ts";

const WELL: NodeFacts = {
  nowMs: Date.parse("2026-01-01T12:00:00.500Z"),
  version: "1", session: "s",
  observed: { policies: "1", flowResets: "2", fleet: "3" },
  policies: { loaded: 2, failed: 0 },
  capture: { packets: 10, lost: 0, interfaces: 3, halfBlind: 0, pods: 2, podsUnseen: 0 },
  enforcement: "Enabled",
  gap: undefined, unreported: [], missingRights: [], trouble: undefined, halfBlind: [], podsUnseen: [],
  markKeyFault: undefined, isTooOld: false, contactMs: 1, outage: undefined,
};

const condition = (facts: Partial<NodeFacts>, type: string): Condition | undefined => nodeStatus({ ...WELL, ...facts }, []).conditions?.find((each) => each.type === type);

describe("a SensorNode's status", () => {
  it("is one that its schema takes, with every condition True where all is well", () => {
    const status = nodeStatus(WELL, []);
    expect(sensorNodeStatus.parse(status)).toEqual(status);
    expect(status.conditions?.map(({ status: holds }) => holds)).toEqual(["True", "True", "True", "True"]);
  });

  it.each<[string, string, string, Partial<NodeFacts>, RegExp]>([
    ["Ready", "False", "NotWorking", { trouble: "packet Worker 0 has not turned" }, /Worker 0/],
    ["Ready", "False", "MissingRights", { missingRights: ["watch pods", "list nodes"] }, /watch pods, list nodes/],
    ["Ready", "True", "WorkingWithFailures", { policies: { loaded: 1, failed: 2 } }, /2 policies/],
    ["Ready", "True", "Working", { markKeyFault: "Cannot read the mark key: ENOENT" }, /policies; does not know other sensors' resets: Cannot read the mark key: ENOENT$/],
    ["Coverage", "False", "HalfBlind", { halfBlind: ["veth1", "veth2", "veth3", "veth4", "veth5", "veth6", "veth7"] }, /veth1, .*veth5 and 2 more$/],
    ["Coverage", "False", "PodsUnseen", { podsUnseen: ["shop/web"] }, /shop\/web/],
    ["PolicyFresh", "False", "PolicyTooOld", { isTooOld: true, contactMs: Date.parse("2026-01-01T00:00:00Z") }, /2026-01-01T00:00:00Z/],
    ["ApiServerReachable", "True", "ReachableAgain", { outage: { fromMs: 0, toMs: 60_000, resets: 7 } }, /from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z; 7 connections/],
  ])("%s is %s (%s)", (type, status, reason, facts, message) => {
    expect(condition(facts, type)).toMatchObject({ status, reason, message: expect.stringMatching(message) });
  });

  it("keeps the time of a condition whose status stays, and takes the present where it changes", () => {
    const before = nodeStatus({ ...WELL, nowMs: 0 }, []).conditions!;
    const after = nodeStatus({ ...WELL, trouble: "ill" }, before).conditions!;
    expect(after.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ["Ready", "2026-01-01T12:00:00Z"],
      ["Coverage", "1970-01-01T00:00:00Z"],
      ["PolicyFresh", "1970-01-01T00:00:00Z"],
      ["ApiServerReachable", "1970-01-01T00:00:00Z"],
    ]);
  });
});
