import { describe, expect, it } from "vitest";
import { Roster, STALE_AFTER_MS } from "../roster/mod.ts";
import { reportOf } from "../roster/report.fixture.ts";
import { enforcingOf, type FleetRules } from "./enforcing.ts";
import { policyFacts } from "./facts.ts";
import { tallyOf } from "./gather.ts";
import { CounterLedger } from "./ledger.ts";
import { DeliveryPace } from "./pace.ts";
import { countsIntervalMs, planPolicy, type PolicyInput, type Tally } from "./plan.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const ALL: Tally = { desired: 3, ready: 3, failed: 0, starting: 0, stale: 0, notSelected: 0, failures: [] };
const input = (more: Partial<PolicyInput> = {}): PolicyInput => ({
  generation: 1,
  notes: [],
  tally: ALL,
  enforcing: { status: "True", reason: "Enforce", message: "" },
  status: {},
  countsDueMs: NOW,
  seenMs: NOW - 3_600_000,
  ledSinceMs: NOW - 3_600_000,
  answerSpreadMs: 0,
  nowMs: NOW,
  ...more,
});
const conditionOf = (given: PolicyInput, type: string) => planPolicy(given).status?.conditions?.find((condition) => condition.type === type);

describe("writes to many sensors", () => {
  it("come at once while they are few", () => {
    const pace = new DeliveryPace();
    expect(["a", "b", "c"].map((key) => pace.waitMs(key, 3, NOW))).toEqual([0, 0, 0]);
  });

  it("wait for their turn, each once, when together they are more than the budget", () => {
    const pace = new DeliveryPace();
    // A second each: three come at once of what was saved up, then one every second.
    const asked = ["a", "b", "c", "d", "e"].map((key) => pace.waitMs(key, 5_000, NOW));
    expect(asked).toEqual([0, 0, 0, 1_000, 2_000]);
    expect(pace.waitMs("e", 5_000, NOW + 400)).toBe(1_600);
    expect(pace.waitMs("d", 5_000, NOW + 1_000)).toBe(0);
    expect(pace.waitMs("d", 5_000, NOW + 1_000)).toBe(2_000);
  });
});

describe("a policy", () => {
  for (const [what, state, reason, more] of [
    ["that all sensors loaded", "Ready", "Loaded", {}],
    ["that one is still loading", "Reconciling", "Loading", { tally: { ...ALL, ready: 2 } }],
    ["that one could not load", "Stalled", "LoadFailed", { tally: { ...ALL, ready: 2, failed: 1, failures: [{ node: "n1", message: "m" }] } }],
    ["of which a silent sensor knows nothing", "Ready", "Loaded", { tally: { ...ALL, stale: 7 } }],
    ["that one has yet to load since its start", "Reconciling", "Loading", { tally: { ...ALL, ready: 2, starting: 1 } }],
    ["that was Ready, while one sensor starts again", "Ready", "Loaded", { tally: { ...ALL, ready: 2, starting: 1 }, status: planPolicy(input()).status! }],
    ["that was Ready as another generation, while one sensor starts", "Reconciling", "Loading", { tally: { ...ALL, ready: 2, starting: 1 }, generation: 2, status: planPolicy(input()).status! }],
    ["while every sensor starts", "Reconciling", "Loading", { tally: { ...ALL, ready: 0, starting: 3 } }],
    ["without any sensor", "Reconciling", "NoSensor", { tally: { ...ALL, desired: 0, ready: 0 } }],
    ["whose sensors are all silent", "Reconciling", "NoSensor", { tally: { ...ALL, desired: 0, ready: 0, stale: 3 } }],
    ["that selects no node", "Ready", "NoNodeSelected", { tally: { ...ALL, desired: 0, ready: 0, notSelected: 3 } }],
    ["that cannot be read", "Stalled", "Invalid", { fault: "spec.rules[0]: wrong" }],
  ] as const) {
    it(`${what} is ${state}`, () => {
      const conditions = ["Ready", "Reconciling", "Stalled"].map((type) => conditionOf(input(more as Partial<PolicyInput>), type)!);
      expect(conditions.filter(({ status }) => status === "True").map(({ type }) => type)).toEqual([state]);
      expect(conditions[0]!.reason).toBe(reason);
    });
  }

  it("says in Coverage which sensors are silent, though it is Ready", () => {
    expect(conditionOf(input({ tally: { ...ALL, stale: 1 } }), "Coverage")).toMatchObject({ status: "False", reason: "SensorsStale", message: "Of 4 sensors 1 silent for three heartbeats" });
    expect(conditionOf(input(), "Coverage")).toMatchObject({ status: "True" });
  });

  it("names what is not supported yet, and takes it back", () => {
    const said = planPolicy(input({ notes: ["spec.rules[0].beacon: not supported yet"] })).status!;
    expect(said.conditions!.find(({ type }) => type === "Supported")).toMatchObject({ status: "False", reason: "NotSupportedYet" });
    expect(planPolicy(input({ status: said })).status!.conditions!.find(({ type }) => type === "Supported")).toMatchObject({ status: "True" });
    expect(conditionOf(input(), "Supported")).toBeUndefined();
  });

  describe("with a status that is there", () => {
    const counters = { detections: 1, wouldReset: 0, reset: 0, confirmed: 0, suppressed: 0 };
    const written = planPolicy(input({ counters })).status!;
    for (const [what, againMs, more] of [
      ["a sensor that a new leader has not heard yet", 59_000, { tally: { ...ALL, ready: 2 }, ledSinceMs: NOW - 1_000 }],
      ["another generation that sensors have just begun to load", 1_900, { generation: 2, tally: { ...ALL, ready: 0 }, seenMs: NOW - 100 }],
    ] as const) {
      it(`${what} is not said yet`, () => expect(planPolicy(input({ counters, status: written, ...more }))).toMatchObject({ againMs }));
    }

    for (const [what, isWritten, more] of [
      ["nothing new", false, {}],
      ["a count, before it is due", false, { counters: { ...counters, detections: 9 } }],
      ["a silent sensor, before counts are due", false, { tally: { ...ALL, stale: 1 } }],
      ["a sensor more, before counts are due", false, { tally: { ...ALL, desired: 4, ready: 4 } }],
      ["another generation", true, { generation: 2 }],
      ["a sensor that failed", true, { tally: { ...ALL, ready: 2, failed: 1, failures: [{ node: "n1", message: "m" }] } }],
      ["a sensor that loads again", true, { tally: { ...ALL, ready: 2 } }],
      ["another generation that sensors still load", true, { generation: 2, tally: { ...ALL, ready: 0 }, seenMs: NOW - 3_000 }],
      ["the emergency stop", true, { enforcing: { status: "False", reason: "ObserveOnly", message: "m" } }],
    ] as const) {
      it(`${what} is ${isWritten ? "written at once" : "not written yet"}`, () => {
        const plan = planPolicy(input({ counters, status: written, countsDueMs: NOW + 5_000, ...(more as Partial<PolicyInput>) }));
        expect(plan.status !== undefined).toBe(isWritten);
        if (!isWritten && what !== "nothing new") expect(plan.againMs).toBe(5_000);
      });
    }

    it("writes a count when it is due, and when a connection was last reset", () => {
      const plan = planPolicy(input({ counters: { ...counters, reset: 2 }, status: written, countsDueMs: NOW }));
      expect(plan.status!.counters).toEqual({ ...counters, reset: 2, lastResetTime: "2026-11-26T12:00:00Z" });
      expect(planPolicy(input({ counters: { ...counters, reset: 2 }, status: plan.status!, nowMs: NOW + 60_000 })).status).toBeUndefined();
    });
  });
});

it("writes of counts stay within a thousand deliveries a second in all, and ten seconds of a small cluster", () => {
  expect(countsIntervalMs(3, 2)).toBe(10_000);
  for (const [policies, nodes] of [[1_000, 5_000], [100, 1_000], [1, 5_000]] as const) {
    expect(((policies / countsIntervalMs(policies, nodes)) * 1_000) * nodes).toBeLessThanOrEqual(1_000);
  }
});

describe("whether a policy enforces", () => {
  const fleet = (name: string, more: Partial<FleetRules> = {}): FleetRules => ({ name, enforcement: "Enabled", hasSensors: true, ...more });
  const labelled = { matchLabels: { enforce: "yes" } };
  for (const [what, status, reason, given] of [
    ["by its mode", "False", "Observe", { mode: "Observe" }],
    ["without any fleet", "True", "Enforce", { fleets: [] }],
    ["in a fleet that may", "True", "Enforce", {}],
    ["in a fleet that only observes", "False", "ObserveOnly", { fleets: [fleet("a", { enforcement: "ObserveOnly" })] }],
    ["in one of two fleets", "True", "PartlyHeldBack", { fleets: [fleet("a", { enforcement: "ObserveOnly" }), fleet("b")] }],
    ["where the only fleet with sensors only observes", "False", "ObserveOnly", { fleets: [fleet("a", { enforcement: "ObserveOnly" }), fleet("b", { hasSensors: false })] }],
    ["where a fleet only observes that has no sensors", "True", "Enforce", { fleets: [fleet("a", { enforcement: "ObserveOnly", hasSensors: false }), fleet("b")] }],
    ["where no fleet has sensors yet", "False", "ObserveOnly", { fleets: [fleet("a", { enforcement: "ObserveOnly", hasSensors: false })] }],
    ["in a namespace that is not selected", "False", "NamespaceNotEnforced", { fleets: [fleet("a", { enforceNamespaces: labelled })] }],
    ["in a namespace that is selected", "True", "Enforce", { fleets: [fleet("a", { enforceNamespaces: labelled })], namespaceLabels: { enforce: "yes" } }],
    ["in no namespace", "True", "Enforce", { fleets: [fleet("a", { enforceNamespaces: labelled })], namespaceLabels: undefined }],
    ["with sensors that were stopped by hand", "True", "PartlyHeldBack", { stopped: 2 }],
  ] as const) {
    it(`${what}: ${status}, ${reason}`, () => {
      expect(enforcingOf({ mode: "Enforce", namespaceLabels: {}, fleets: [fleet("a")], stopped: 0, ...(given as object) })).toMatchObject({ status, reason });
    });
  }
});

describe("the sensors of a policy", () => {
  const roster = new Roster();
  const observed = (policies: string) => ({ policies, flowResets: "1", fleet: "1" });
  roster.hear(reportOf("loaded", { observed: observed("50") }), STALE_AFTER_MS);
  roster.hear(reportOf("behind", { observed: observed("49") }), STALE_AFTER_MS);
  roster.hear(reportOf("starting", { observed: observed("") }), STALE_AFTER_MS);
  roster.hear(reportOf("broken", { observed: observed("50"), failures: [{ kind: "ResponsePolicy", namespace: "shop", name: "p", uid: "u", generation: 2, message: "no" }] }), STALE_AFTER_MS);
  roster.hear(reportOf("broken-before", { observed: observed("50"), failures: [{ kind: "ResponsePolicy", namespace: "shop", name: "p", uid: "u", generation: 1, message: "no" }] }), STALE_AFTER_MS);
  roster.hear(reportOf("silent"), 0);
  const facts = policyFacts({ apiVersion: "flowreset.io/v1alpha1", kind: "ClusterResponsePolicy", metadata: { name: "p", uid: "u", generation: 2 } });
  const labelsOf = (node: string) => ({ name: node });

  it("are counted by what they have loaded of this generation", () => {
    expect(tallyOf(facts, 50, { roster, labelsOf }, STALE_AFTER_MS)).toEqual({
      desired: 5, ready: 2, failed: 1, starting: 1, stale: 1, notSelected: 0, stopped: 0, failures: [{ node: "broken", message: "no" }],
    });
  });

  it("are those on nodes that it selects", () => {
    const nodeSelector = { matchLabels: { name: "behind" } };
    expect(tallyOf({ ...facts, nodeSelector }, 50, { roster, labelsOf }, STALE_AFTER_MS)).toMatchObject({ desired: 1, ready: 0, notSelected: 5 });
  });
});

describe("the ledger of counters", () => {
  const counted = (detections: number, uid = "u") => ({ uid, kind: "ResponsePolicy", namespace: "shop", name: "p", detections, wouldReset: 0, reset: 0, confirmed: 0, suppressed: 0 }) as const;

  it("adds up sensors and their sessions, and nothing twice", () => {
    const ledger = new CounterLedger();
    ledger.settle();
    ledger.open("u", undefined);
    expect(ledger.take("n1", "s1", counted(5))).toBe(true);
    expect(ledger.take("n1", "s1", counted(5))).toBe(false);
    expect(ledger.take("n1", "s1", counted(4))).toBe(false);
    ledger.take("n2", "s1", counted(3));
    ledger.take("n1", "s2", counted(2));
    expect(ledger.of("u")!.detections).toBe(10);
  });

  it("takes back a proof that its sensor takes back, and nothing else", () => {
    const ledger = new CounterLedger();
    ledger.settle();
    ledger.open("u", undefined);
    ledger.take("n1", "s1", { ...counted(5), reset: 5, confirmed: 5 });
    expect(ledger.take("n1", "s1", { ...counted(4), reset: 4, confirmed: 4 })).toBe(true);
    expect(ledger.of("u")).toMatchObject({ detections: 5, reset: 5, confirmed: 4 });
    ledger.take("n1", "s2", { ...counted(1), reset: 1, confirmed: 0 });
    expect(ledger.of("u")).toMatchObject({ detections: 6, reset: 6, confirmed: 4 });
  });

  it("goes on from the status of an earlier leader without counting what sensors tell anew", () => {
    const ledger = new CounterLedger();
    ledger.open("u", { detections: 10 }); // 7 of sensors that live, 3 of one that is gone.
    ledger.take("n1", "s1", counted(4));
    expect(ledger.of("u")!.detections).toBe(10);
    ledger.take("n2", "s1", counted(3));
    ledger.settle();
    expect(ledger.of("u")!.detections).toBe(10);
    ledger.take("n1", "s1", counted(6));
    expect(ledger.of("u")!.detections).toBe(12);
  });

  it("counts once what a sensor tells that could not be heard before that was settled, and what it counts from then on", () => {
    const ledger = new CounterLedger();
    ledger.open("u", { detections: 10 }); // 6 of a sensor that is cut off while the leader changes, 4 of one that is gone.
    ledger.settle();
    ledger.take("n1", "s1", counted(7), true);
    expect(ledger.of("u")!.detections).toBe(10);
    ledger.take("n1", "s1", counted(9), true);
    expect(ledger.of("u")!.detections).toBe(12);
    ledger.take("n2", "s9", counted(2));
    expect(ledger.of("u")!.detections).toBe(14);
  });

  it("keeps nothing of sensors that counted nothing: a thousand policies on five thousand nodes find room", () => {
    const ledger = new CounterLedger();
    for (let policy = 0; policy < 1_000; policy++) ledger.open(`u${policy}`, undefined);
    for (let node = 0; node < 600; node++) for (let policy = 0; policy < 1_000; policy++) ledger.take(`n${node}`, "s1", { ...counted(0), uid: `u${policy}` });
    expect(ledger.take("n600", "s1", { ...counted(3), uid: "u7" })).toBe(true);
    expect(ledger.figures).toEqual({ pairs: 1, leftOut: 0 });
  });

  it("keeps what sensors counted that are gone, and no place for them: nodes come and go for months", () => {
    const ledger = new CounterLedger();
    ledger.open("u", { detections: 4 }); // Of sensors before this leader.
    ledger.settle();
    for (let node = 0; node < 3; node++) ledger.take(`n${node}`, "s1", counted(5));
    for (let node = 0; node < 3; node++) ledger.forget(`n${node}`);
    expect(ledger.of("u")!.detections).toBe(19);
    expect(ledger.figures).toEqual({ pairs: 0, leftOut: 0 });
  });

  it("counts nothing twice of a sensor that was called gone and tells on", () => {
    const ledger = new CounterLedger();
    ledger.open("u", undefined);
    ledger.settle();
    ledger.take("n1", "s1", counted(5));
    ledger.forget("n1");
    ledger.take("n1", "s1", counted(7), true);
    expect(ledger.of("u")!.detections).toBe(7);
    ledger.take("n1", "s1", counted(9), true);
    expect(ledger.of("u")!.detections).toBe(9);
  });

  it("forgets no sensor while its counts are not told apart from those of the status", () => {
    const ledger = new CounterLedger();
    ledger.open("u", { detections: 10 }); // 5 of one that goes, 5 of one that is not heard yet.
    ledger.take("n1", "s1", counted(5));
    ledger.forget("n1");
    ledger.take("n2", "s1", counted(6));
    ledger.settle();
    expect(ledger.of("u")!.detections).toBe(11);
    ledger.take("n1", "s1", counted(7));
    expect(ledger.of("u")!.detections).toBe(13);
  });

  it("counts what happened while nobody led", () => {
    const ledger = new CounterLedger();
    ledger.open("u", { detections: 10 });
    ledger.take("n1", "s1", counted(25));
    ledger.settle();
    expect(ledger.of("u")!.detections).toBe(25);
  });

  it("knows no policy that there is not", () => {
    const ledger = new CounterLedger();
    expect(ledger.take("n1", "s1", counted(5))).toBe(false);
    ledger.open("u", undefined);
    ledger.take("n1", "s1", counted(5));
    ledger.close("u");
    expect(ledger.figures).toEqual({ pairs: 0, leftOut: 0 });
  });
});

it("a stored policy that cannot be read is a fault that names the field, never an exception", () => {
  const facts = (spec: unknown) => policyFacts({ apiVersion: "flowreset.io/v1alpha1", kind: "ResponsePolicy", metadata: { name: "p", namespace: "shop" }, spec });
  expect(facts({ rules: [{ name: "r", connection: {}, ports: ["99999"] }] }).fault).toMatch(/^spec\.rules\[0\]\.ports\[0\]: /);
  for (const hostile of [undefined, null, 7, "x", [], { rules: "x" }, { rules: [null] }]) expect(facts(hostile).fault).toMatch(/^spec/);
  expect(facts({ rules: [{ name: "r", connection: {}, peers: { fqdns: ["a.example"] } }] }).notes[0]).toContain("not supported yet");
});
