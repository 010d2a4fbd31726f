import { describe, expect, it } from "vitest";
import { Field, FlowState } from "../flow/mod.ts";
import { Detector, DetectPhase } from "./detector.ts";
import { HandMadeFlows, latin1 } from "./flows.fixture.ts";
import { build, type ShortRule } from "./rules.fixture.ts";

function start(rules: readonly ShortRule[]) {
  const flows = new HandMadeFlows(8);
  const detector = new Detector(flows, build(rules));
  const open = () => {
    const slot = flows.add();
    detector.onFlow(slot, DetectPhase.Established, 0);
    return slot;
  };
  const send = (slot: number, text: string) => detector.onBytes(slot, 0, latin1(text), 0, text.length);
  const fired = () => {
    const rulesFired = detector.findings.slice(0, detector.count).map(({ rule }) => rule);
    detector.count = 0;
    return rulesFired;
  };
  const revisit = () => {
    while (detector.revisit(3)) continue;
    return fired();
  };
  return { flows, detector, open, send, fired, revisit };
}

const evil: ShortRule = { signatures: ['content:"evil";'] };
const pair: ShortRule = { signatures: ['content:"one"; content:"two";'] };
const connected: ShortRule = { phase: "Established" };

describe("swap()", () => {
  it("does not repeat what a rule that stays has said", () => {
    const { detector, open, send, fired, revisit } = start([connected, evil]);
    const slot = open();
    send(slot, "evil");
    expect(fired()).toEqual([0, 1]);
    detector.swap(build([evil, { ports: ["1"], phase: "Established" }, connected]));
    expect(revisit()).toEqual([]);
    send(slot, "evil");
    expect(fired()).toEqual([]);
  });

  it("lets a new connection rule look at flows that are established, once, by revisit() or at their next bytes", () => {
    const { detector, open, send, fired, revisit } = start([evil]);
    const [idle, busy] = [open(), open()];
    detector.swap(build([evil, connected]));
    send(busy, "x");
    expect(detector.findings[0]).toMatchObject({ slot: busy, rule: 1, handshake: false });
    expect(fired()).toEqual([1]);
    expect(detector.revisit(1000)).toBe(false);
    expect(detector.findings[0]!.slot).toBe(idle);
    expect(fired()).toEqual([1]);
    detector.swap(build([evil, connected, pair]));
    expect(revisit()).toEqual([]);
  });

  it("does not fire twice on a flow that becomes established just after it", () => {
    const { flows, detector, revisit, fired } = start([]);
    const slot = flows.add({ state: FlowState.SynSent });
    detector.onFlow(slot, DetectPhase.Handshake, 0);
    detector.swap(build([connected]));
    flows.set(slot, Field.State, FlowState.Established);
    detector.onFlow(slot, DetectPhase.Established, 0);
    expect(fired()).toEqual([0]);
    expect(revisit()).toEqual([]);
  });

  it("keeps a literal that is half seen where the automata are the same", () => {
    const { detector, open, send, fired } = start([evil]);
    const slot = open();
    send(slot, "ev");
    detector.swap(build([evil, { ports: ["1"], phase: "Established" }]));
    send(slot, "il");
    expect(fired()).toEqual([0]);
  });

  it("starts literals anew where the automata changed: no match across, every match after", () => {
    const { detector, open, send, fired } = start([evil]);
    const slot = open();
    send(slot, "ev");
    detector.swap(build([{ signatures: ['content:"villa";'] }, evil]));
    send(slot, "il");
    expect(fired()).toEqual([]);
    send(slot, "evilla");
    expect(fired().sort()).toEqual([0, 1]);
  });

  it("keeps the contents seen of a signature that stays", () => {
    const { detector, open, send, fired } = start([evil, pair]);
    const slot = open();
    send(slot, "one");
    detector.swap(build([pair]));
    send(slot, "two");
    expect(fired()).toEqual([0]);
  });

  it("forgets the records of rules that are gone", () => {
    const { detector, open, send, fired } = start([evil, pair]);
    const slot = open();
    send(slot, "evil one");
    expect(fired()).toEqual([0]);
    expect(detector.pool.size).toBe(2);
    detector.swap(build([connected]));
    expect(detector.pool.size).toBe(0);
    detector.swap(build([evil]));
    send(slot, "evil");
    expect(fired()).toEqual([0]);
  });

  it("wants a side's bytes again when a new signature can match them, from a fresh start", () => {
    const { flows, detector, open, send, fired, revisit } = start([evil]);
    const slot = open();
    send(slot, "evil");
    expect(fired()).toEqual([0]);
    expect(flows.inspected(slot)).toBe(0);
    detector.swap(build([evil, pair]));
    expect(revisit()).toEqual([]);
    expect(flows.inspected(slot)).toBe(3);
    send(slot, "onetwo");
    expect(fired()).toEqual([1]);
  });

  it("lets the other automaton look from now on where only a new signature needs it", () => {
    const { detector, open, send, fired, revisit } = start([evil, { ports: ["1"], signatures: ['content:"bad"; nocase;'] }]);
    const slot = open();
    send(slot, "ev BA");
    detector.onGap(slot, 0);
    send(slot, "BA");
    detector.swap(build([evil, { signatures: ['content:"bad"; nocase;'] }]));
    expect(revisit()).toEqual([]);
    // What went by unseen begins nothing.
    send(slot, "D");
    expect(fired()).toEqual([]);
    send(slot, "BAd evil");
    expect(fired()).toEqual([1, 0]);
  });

  it("stands being swapped while a walk is under way", () => {
    const { detector, open, revisit } = start([]);
    for (let i = 0; i < 6; i++) open();
    detector.swap(build([connected]));
    expect(detector.revisit(2)).toBe(true);
    detector.swap(build([connected, { phase: "Established", ports: ["80"] }]));
    expect(revisit().sort()).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  });
});
