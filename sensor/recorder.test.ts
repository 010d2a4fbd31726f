/** Whose story an outcome is told with, and how often a finding is told. */
import { describe, expect, it } from "vitest";
import { defaultSettings } from "../crds/mod.ts";
import { compile, Decision, Stop, Verdict } from "./decide/mod.ts";
import { compileTexts, policy } from "./decide/objects.fixture.ts";
import { buildSegment, Frame, LinkType, SegmentSpec, TcpFlag } from "./decode/mod.ts";
import { FlowTable } from "./flow/mod.ts";
import { fullName } from "./fullName.ts";
import { Outcome, OutcomeReason, OutcomeRecord } from "./inject/mod.ts";
import { Pipeline } from "./pipeline.ts";
import { PolicyTotals } from "./policyTotals.ts";
import { EventRecorder, requestDecision } from "./recorder.ts";
import { Counters, LabelTable } from "./report/mod.ts";

describe("an outcome", () => {
  it("of a connection that was never seen names the FlowReset that asked for it, also when others have asked since", () => {
    const named: string[] = [];
    const { compiled } = compile({ objects: [], settings: defaultSettings(), interfaces: [] });
    const emit = (line: string): unknown => named.push((JSON.parse(line) as { flowreset: { flow_reset: string } }).flowreset.flow_reset);
    const recorder = new EventRecorder(compiled, { ofPolicy: [], names: new Map() }, { counters: new Counters(), emit, nameOf: () => "" });
    recorder.table = new FlowTable({ capacity: 16, seed: 1 });
    for (const origin of [1, 2, 3]) recorder.beginRequest(origin, requestDecision(`default/reset-${origin}`, "", 0));
    for (const origin of [2, 1, 3]) recorder.onOutcome(Object.assign(new OutcomeRecord(), { origin }));
    expect(named).toEqual(["default/reset-2", "default/reset-1", "default/reset-3"]);
  });
});

describe("an event", () => {
  it.each([
    [["tags: [attack.t1190, cve-2021-44228]"], ["attack.t1190", "cve-2021-44228"]],
    [[], undefined],
  ])("of a policy with %j carries its tags", (spec, tags) => {
    const events: { event_type: string; flowreset: { tags?: string[] } }[] = [];
    const { compiled } = compileTexts([policy({ spec: ["mode: Enforce", ...spec], rules: ["{name: mark, signature: {rules: ['alert tcp any any -> any any (content:\"EVIL\"; sid:1;)']}}"] })]);
    const recorder = new EventRecorder(compiled, { ofPolicy: [0], names: new Map() }, { counters: new Counters(), emit: (line) => events.push(JSON.parse(line)), nameOf: () => "" });
    const table = (recorder.table = new FlowTable({ capacity: 16, seed: 1 }));
    const decision = Object.assign(new Decision(), { verdict: Verdict.Reset, policy: 0, rule: 0, signature: 0, slot: 0, generation: table.generation(0) });
    decision.name(0, Verdict.Reset, 0);
    recorder.onDecision(decision, 1, 0, 0);
    expect(events[0]?.event_type).toBe("alert");
    expect(events.map(({ flowreset }) => flowreset.tags)).toEqual(events.map(() => tags));
  });
});

describe("what a policy did to a connection between two nodes", () => {
  const ENFORCE = ["mode: Enforce"];
  const DONE = { outcome: Outcome.Confirmed, reason: OutcomeReason.CutAfterEstablished, rsts: 2 };
  const ONCE = "detections 1, would 0, reset 1, confirmed 1";
  const rows: [name: string, decision: Partial<Decision>, verdict: number, outcomes: Partial<OutcomeRecord>[], counted: string][] = [
    ["by the first sensor counts when it is decided", {}, Verdict.Reset, [], "detections 1, would 0, reset 0, confirmed 0"],
    ["by the first sensor counts", {}, Verdict.Reset, [DONE], ONCE],
    ["by the first sensor counts once, also where the proof is taken back", {}, Verdict.Reset, [DONE, { ...DONE, outcome: Outcome.Evaded, reason: OutcomeReason.MovedAfterConfirmed }], "detections 1, would 0, reset 1, confirmed 0"],
    ["does not count at the second sensor while it waits", { delayMs: 20 }, Verdict.Reset, [], "detections 0, would 0, reset 0, confirmed 0"],
    ["does not count at the second sensor that sent nothing", { delayMs: 20 }, Verdict.Reset, [{ ...DONE, rsts: 0, isSecondActor: true }], "detections 0, would 0, reset 0, confirmed 0"],
    ["counts at the second sensor where it had to act", { delayMs: 20 }, Verdict.Reset, [{ ...DONE, isSecondActor: true }], ONCE],
    ["counts at both where nothing is sent, as neither knows of the other", { delayMs: 20 }, Verdict.WouldReset, [], "detections 1, would 1, reset 0, confirmed 0"],
  ];
  for (const [name, said, verdict, outcomes, counted] of rows) {
    it(name, () => {
      const { compiled } = compileTexts([policy({ spec: ENFORCE, rules: ["{name: mark, signature: {rules: ['alert tcp any any -> any any (content:\"EVIL\"; sid:1;)']}}"] })]);
      const [counters, labels] = [new Counters(), new LabelTable()];
      const uid = "0";
      const reference = { kind: "ResponsePolicy", namespace: "default", name: compiled.names.policies[0]!.name, uid } as const;
      const label = labels.intern(fullName(reference));
      const recorder = new EventRecorder(compiled, { ofPolicy: [label], names: new Map([[label, fullName(reference)]]) }, { counters, emit: () => true, nameOf: () => "" });
      const table = (recorder.table = new FlowTable({ capacity: 16, seed: 1 }));
      const totals = new PolicyTotals(() => [counters], labels);
      totals.read([reference]);
      const decision = Object.assign(new Decision(), { verdict, policy: 0, rule: 0, signature: 0, ...said, slot: 0, generation: table.generation(0) });
      decision.name(0, verdict, 0);
      recorder.onDecision(decision, 1, 0, 0);
      for (const outcome of outcomes) recorder.onOutcome(Object.assign(new OutcomeRecord(), { policy: label, slot: 0, generation: table.generation(0), firstRstMs: 1, ...outcome }));
      const { detections, wouldReset, reset, confirmed } = totals.read([reference])[0]!;
      expect(`detections ${detections}, would ${wouldReset}, reset ${reset}, confirmed ${confirmed}`).toBe(counted);
    });
  }
});

/** A pipeline and its recorder: what it tells of the packets that are played. */
class Told {
  readonly events: string[] = [];
  readonly #pipeline: Pipeline;
  #nowMs = 1_700_000_000_000;

  constructor(spec: readonly string[], stop: number) {
    const { compiled } = compileTexts([policy({ spec, rules: ["{name: mark, signature: {rules: ['alert tcp any any -> any any (content:\"EVIL\"; sid:1;)']}}"] })]);
    const emit = (line: string): unknown => {
      const { event_type, flowreset: { verdict, reason, rsts } } = JSON.parse(line) as { event_type: string; flowreset: { verdict: string; reason: string; rsts?: number } };
      return this.events.push([event_type, verdict, reason, rsts].join(" ").trim());
    };
    const recorder = new EventRecorder(compiled, { ofPolicy: [0], names: new Map() }, { counters: new Counters(), emit, nameOf: () => "" });
    this.#pipeline = new Pipeline({ compiled, stop: Int32Array.of(stop), tableCapacity: 64, seed: 1, markKey: [1, 2], recorder, labelOf: () => 0 });
    recorder.table = this.#pipeline.table;
  }

  play(fromClient: boolean, sequence: number, acknowledgement: number, text: string, flags: number = TcpFlag.Ack): this {
    const spec = new SegmentSpec();
    const [client, server] = [0x0a000001, 0xc0000201 | 0];
    spec.source2 = spec.destination2 = 0xffff;
    [spec.source3, spec.destination3, spec.sourcePort, spec.destinationPort] = fromClient ? [client, server, 40_000, 80] : [server, client, 80, 40_000];
    Object.assign(spec, { sequence, acknowledgement, flags, window: 65_535, payload: Buffer.from(text) });
    const bytes = new Uint8Array(200);
    const length = buildSegment(bytes, 0, spec);
    this.#nowMs += 1;
    this.#pipeline.step(Object.assign(new Frame(), { bytes, capturedLength: length, wireLength: length, timestampMs: this.#nowMs, interfaceIndex: 1, linkType: LinkType.Ethernet }));
    this.#pipeline.settle(this.#nowMs);
    return this;
  }
}

describe("a finding that waited for a sign of life", () => {
  const rows: [name: string, spec: readonly string[], stop: number, verdict: string][] = [
    ["that is acted on", ["mode: Enforce"], Stop.No, "reset Reset  1"],
    ["that would be", ["mode: Observe"], Stop.No, "reset WouldReset ObserveMode 0"],
    ["that would be, but for the emergency stop", ["mode: Enforce"], Stop.Emergency, "reset WouldReset EmergencyStop 0"],
  ];
  for (const [name, spec, stop, verdict] of rows) {
    it(`${name} is told as one alert, and then its verdict`, () => {
      const told = new Told(spec, stop).play(true, 100, 900, "xxEVILxx");
      expect(told.events).toEqual(["alert Suppress NotSeenAlive"]);
      told.play(false, 900, 108, "yes");
      expect(told.events).toEqual(["alert Suppress NotSeenAlive", verdict]);
      told.play(true, 108, 903, "EVIL again");
      expect(told.events).toHaveLength(2);
    });
  }

  it("whose connection ends before is told as one alert, and no reset of any kind", () => {
    const told = new Told(["mode: Enforce"], Stop.No).play(true, 100, 900, "xxEVILxx");
    told.play(true, 108, 910, "b").play(true, 109, 0, "", TcpFlag.Rst).play(true, 109, 920, "c");
    expect(told.events).toEqual(["alert Suppress NotSeenAlive"]);
  });
});
