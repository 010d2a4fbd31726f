import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Field, FLOW_WORDS, FlowFlag, FlowState, SideField } from "../flow/mod.ts";
import { Detector, DetectPhase } from "./detector.ts";
import { type FlowLike, HandMadeFlows, latin1 } from "./flows.fixture.ts";
import type { DetectionOptions } from "./build.ts";
import { UNWANTED } from "./scan.ts";
import { build, type ShortRule } from "./rules.fixture.ts";

class Bench {
  readonly flows = new HandMadeFlows(600);
  readonly detector: Detector;

  constructor(rules: readonly ShortRule[], options: DetectionOptions = {}) {
    this.detector = new Detector(this.flows, build(rules, [], options));
  }

  /** An established flow that the detector has looked at. */
  open(flow: FlowLike = {}): number {
    const slot = this.flows.add(flow);
    this.detector.onFlow(slot, DetectPhase.Established, 0);
    return slot;
  }

  send(slot: number, side: number, ...segments: readonly string[]): void {
    for (const segment of segments) {
      const bytes = latin1(`##${segment}##`);
      this.detector.onBytes(slot, side, bytes, 2, bytes.length - 4);
    }
  }

  /** Rules that fired since the last call. */
  fired(): number[] {
    const rules = this.detector.findings.slice(0, this.detector.count).map(({ rule }) => rule);
    this.detector.count = 0;
    return rules;
  }
}

describe("inspection", () => {
  const exact: ShortRule = { ports: ["80"], signatures: ['flow:to_server; content:"evil";'] };
  const folded: ShortRule = { ports: ["81"], signatures: ['flow:to_server; content:"bad"; nocase;'] };
  const states = (bench: Bench, slot: number) => [0, 1].map((side) => {
    const word = bench.flows.field(slot, Field.DetectState0 + side);
    return [word & 0xffff, word >>> 16].map((state) => state !== UNWANTED);
  });

  it("asks each automaton only where a signature of it can match the side", () => {
    const bench = new Bench([exact, folded]);
    const [web, other, both] = [bench.open({ serverPort: 80 }), bench.open({ serverPort: 81 }), bench.open({ serverPort: 82 })];
    expect(states(bench, web)).toEqual([[true, false], [false, false]]);
    expect(states(bench, other)).toEqual([[false, true], [false, false]]);
    expect([web, other, both].map((slot) => bench.flows.inspected(slot))).toEqual([1, 1, 0]);
    for (const slot of [web, other]) bench.send(slot, 0, "bad e", "vil bA", "d");
    expect(bench.fired()).toEqual([0, 1]);
  });

  it("asks both where signatures of both can match", () => {
    const bench = new Bench([{ ...exact, ports: ["81"] }, folded]);
    const slot = bench.open({ serverPort: 81 });
    expect(states(bench, slot)).toEqual([[true, true], [false, false]]);
    bench.send(slot, 0, "ev", "il ba", "d");
    expect(bench.fired()).toEqual([0, 1]);
  });

  it("asks both for one signature that has contents of both", () => {
    const bench = new Bench([{ signatures: ['content:"evil"; content:"bad"; nocase;'] }]);
    const slot = bench.open();
    bench.send(slot, 1, "BA", "D ev", "il");
    expect(bench.fired()).toEqual([0]);
  });
});

describe("connection detector", () => {
  it("fires Handshake rules at the SYN and Established rules after it, each once", () => {
    const bench = new Bench([{ phase: "Handshake" }, { phase: "Established" }]);
    const slot = bench.flows.add({ state: FlowState.SynSent, flags: 0 });
    bench.detector.onFlow(slot, DetectPhase.Handshake, 1);
    expect(bench.detector.findings[0]).toMatchObject({ rule: 0, slot, side: 0, signature: -1, handshake: true, confidence: 2, generation: bench.flows.field(slot, Field.Generation) });
    expect(bench.fired()).toEqual([0]);
    bench.detector.onFlow(slot, DetectPhase.Handshake, 1);
    expect(bench.fired()).toEqual([]);
    bench.flows.set(slot, Field.State, FlowState.Established);
    bench.detector.onFlow(slot, DetectPhase.Established, 1);
    expect(bench.detector.findings[0]!.handshake).toBe(false);
    expect(bench.fired()).toEqual([1]);
    bench.detector.onFlow(slot, DetectPhase.Established, 1);
    expect(bench.fired()).toEqual([]);
  });

  it("does not fire on its own where the rule has signatures too", () => {
    const bench = new Bench([{ phase: "Established", signatures: ['content:"x";'] }]);
    const slot = bench.open();
    expect(bench.fired()).toEqual([]);
    bench.send(slot, 0, "x");
    expect(bench.fired()).toEqual([0]);
  });

  it("counts findings that find no place", () => {
    const bench = new Bench(Array.from({ length: 257 }, (_, port): ShortRule => ({ phase: "Established", identity: `${port}` })));
    bench.open();
    expect([bench.detector.count, bench.detector.dropped]).toEqual([256, 1]);
  });
});

describe("signature detector", () => {
  const one = [{ signatures: ['content:"evil";'] }];

  it("finds content across any segment border", () => {
    for (let cut = 1; cut < 4; cut++) {
      const bench = new Bench(one);
      const slot = bench.open();
      bench.send(slot, 0, `ab${"evil".slice(0, cut)}`);
      expect(bench.fired()).toEqual([]);
      bench.send(slot, 0, "evil".slice(cut));
      expect(bench.detector.findings[0]).toMatchObject({ rule: 0, signature: 0, side: 0, handshake: false });
      expect(bench.fired()).toEqual([0]);
    }
  });

  it("looks at the bytes between offset and length only", () => {
    const bench = new Bench([{ signatures: ['content:"#";'] }]);
    bench.send(bench.open(), 0, "abc");
    expect(bench.fired()).toEqual([]);
  });

  it("keeps flows and sides apart", () => {
    const bench = new Bench(one);
    const [a, b] = [bench.open(), bench.open()];
    bench.send(a, 0, "ev");
    bench.send(a, 1, "il");
    bench.send(b, 0, "il");
    expect(bench.fired()).toEqual([]);
    bench.send(a, 0, "il");
    expect(bench.fired()).toEqual([0]);
  });

  it("finds nothing across a gap", () => {
    const bench = new Bench(one);
    const slot = bench.open();
    bench.send(slot, 0, "ev");
    bench.detector.onGap(slot, 0);
    bench.send(slot, 0, "il");
    expect(bench.fired()).toEqual([]);
  });

  it("needs all contents on one side, in any order, also with a gap between", () => {
    const bench = new Bench([{ signatures: ['content:"one"; content:"two"; nocase; content:"three";'] }]);
    const [apart, together] = [bench.open(), bench.open()];
    bench.send(apart, 0, "one two");
    bench.send(apart, 1, "three");
    expect(bench.fired()).toEqual([]);
    bench.send(together, 1, "three", "TwO");
    bench.detector.onGap(together, 1);
    expect(bench.fired()).toEqual([]);
    bench.send(together, 1, "one");
    expect(bench.detector.findings[0]!.side).toBe(1);
    expect(bench.fired()).toEqual([0]);
  });

  it("tells case apart unless nocase, with both automata at work", () => {
    const bench = new Bench([{ signatures: ['content:"Exact";'] }, { signatures: ['content:"Fold"; nocase;'] }]);
    bench.send(bench.open(), 0, "exact EXACT");
    expect(bench.fired()).toEqual([]);
    bench.send(bench.open(), 0, "Ex", "act");
    expect(bench.fired()).toEqual([0]);
    bench.send(bench.open(), 0, "fO", "LD Ex", "act");
    expect(bench.fired()).toEqual([1, 0]);
  });

  it("fires a rule once a flow, whichever of its signatures matches", () => {
    const bench = new Bench([{ signatures: ['content:"a";', 'content:"b";'] }]);
    const slot = bench.open();
    bench.send(slot, 0, "aa", "b", "a");
    bench.send(slot, 1, "ab");
    expect(bench.fired()).toEqual([0]);
    bench.detector.onEvict(slot);
    bench.flows.write(slot);
    bench.detector.onFlow(slot, DetectPhase.Established, 0);
    bench.send(slot, 0, "b");
    expect(bench.fired()).toEqual([0]);
  });

  it("fires once for a connection that passes NAT and is seen under both tuples", () => {
    const bench = new Bench(one);
    const inside = bench.open();
    const outside = bench.open({ client: "198.51.100.1", twin: inside });
    bench.flows.set(inside, Field.Twin, outside);
    bench.send(inside, 0, "evil");
    bench.send(outside, 0, "evil");
    expect(bench.detector.findings[0]!.slot).toBe(inside);
    expect(bench.fired()).toEqual([0]);
  });

  it("fires every rule that asks for the same content", () => {
    const bench = new Bench([{ signatures: ['content:"a";'] }, { signatures: ['content:"a"; nocase;'] }, { ports: ["81"], signatures: ['content:"a";'] }]);
    bench.send(bench.open(), 0, "a");
    expect(bench.fired().sort()).toEqual([0, 1]);
  });

  it("starts anew with a new connection in the slot", () => {
    const bench = new Bench(one);
    const slot = bench.open();
    bench.send(slot, 0, "ev");
    bench.detector.onEvict(slot);
    bench.flows.write(slot);
    bench.send(slot, 0, "il");
    expect(bench.fired()).toEqual([]);
  });

  it("asks the header of the signature and of the rule", () => {
    const bench = new Bench([{ ports: ["80"], signatures: ['alert tcp any any -> any 80 (content:"a"; sid:1;)'] }]);
    bench.send(bench.open({ serverPort: 81 }), 0, "a");
    expect(bench.fired()).toEqual([]);
    bench.send(bench.open(), 0, "a");
    expect(bench.fired()).toEqual([0]);
  });

  it("waits with flow:established until the flow is", () => {
    const bench = new Bench([{ signatures: ['flow:established; content:"a"; content:"b";'] }, { signatures: ['content:"a";'] }]);
    const slot = bench.flows.add({ state: FlowState.SynSent });
    bench.detector.onFlow(slot, DetectPhase.Handshake, 0);
    bench.send(slot, 0, "ab");
    expect(bench.fired()).toEqual([1]);
    bench.flows.set(slot, Field.State, FlowState.Established);
    bench.detector.onFlow(slot, DetectPhase.Established, 0);
    expect(bench.fired()).toEqual([0]);
  });

  it("with a Handshake connection beside it, fires only where the handshake was seen", () => {
    const bench = new Bench([{ phase: "Handshake", signatures: ['content:"a";'] }]);
    bench.send(bench.open({ flags: FlowFlag.Midstream }), 0, "a");
    expect(bench.fired()).toEqual([]);
    bench.send(bench.open(), 0, "a");
    expect(bench.fired()).toEqual([0]);
  });

  it("finds what is inside a losing copy, with medium confidence, and leaves the stream alone", () => {
    const bench = new Bench(one);
    const slot = bench.open();
    const alternate = (text: string) => bench.detector.onAlternate(slot, 0, latin1(text), 0, text.length);
    bench.send(slot, 0, "ev");
    alternate("il");
    expect(bench.fired()).toEqual([]);
    bench.send(slot, 0, "xx");
    alternate("xe");
    alternate("vil");
    expect(bench.detector.findings[0]!.confidence).toBe(1);
    expect(bench.fired()).toEqual([0]);
    const other = bench.open();
    bench.send(other, 0, "ev");
    bench.detector.onAlternate(other, 0, latin1("zz"), 0, 2);
    bench.send(other, 0, "il");
    expect(bench.fired()).toEqual([0]);
  });

  it("agrees with includes() on any text, cut anywhere", () => {
    const rules: ShortRule[] = ['content:"ab"; content:"ba";', 'content:"aab";', 'content:"Bb"; nocase;', 'content:"c";'].map((text) => ({ signatures: [text] }));
    const twins: readonly ((text: string) => boolean)[] = [
      (text) => text.includes("ab") && text.includes("ba"),
      (text) => text.includes("aab"),
      (text) => text.toLowerCase().includes("bb"),
      (text) => text.includes("c"),
    ];
    const compiled = build(rules);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "b", "B", "c", "x"), maxLength: 5 }), { maxLength: 8 }), (segments) => {
        const flows = new HandMadeFlows(1);
        const detector = new Detector(flows, compiled);
        const slot = flows.add();
        detector.onFlow(slot, DetectPhase.Established, 0);
        for (const segment of segments) detector.onBytes(slot, 0, latin1(segment), 0, segment.length);
        const expected = twins.flatMap((twin, rule) => (twin(segments.join("")) ? [rule] : []));
        expect(detector.findings.slice(0, detector.count).map(({ rule }) => rule).sort()).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe("inspection", () => {
  const inspected = (rules: readonly ShortRule[], flow: FlowLike = {}) => {
    const bench = new Bench(rules);
    return bench.flows.inspected(bench.open(flow));
  };
  it("no rule: no bytes", () => expect(inspected([])).toBe(0));
  it("a connection rule: no bytes", () => expect(inspected([{ phase: "Established" }])).toBe(0));
  it("a signature to the server: the initiator's bytes", () => expect(inspected([{ signatures: ['flow:to_server; content:"a";'] }])).toBe(1));
  it("a signature to the client: the responder's bytes", () => expect(inspected([{ signatures: ['flow:to_client; content:"a";'] }])).toBe(2));
  it("two signatures: both", () => expect(inspected([{ signatures: ['flow:to_client; content:"a";', 'flow:to_server; content:"a";'] }])).toBe(3));
  it("a rule about another port: no bytes", () => expect(inspected([{ ports: ["81"], signatures: ['content:"a";'] }])).toBe(0));

  it("stops when the last rule has fired", () => {
    const bench = new Bench([{ signatures: ['content:"a";'] }, { signatures: ['flow:to_client; content:"b";'] }]);
    const slot = bench.open();
    expect(bench.flows.inspected(slot)).toBe(3);
    bench.send(slot, 0, "a");
    expect(bench.flows.inspected(slot)).toBe(2);
    bench.send(slot, 1, "b");
    expect(bench.flows.inspected(slot)).toBe(0);
  });

  it("stops behind the depth, not before it", () => {
    const bench = new Bench([{ signatures: ['content:"a";'] }], { inspectBytes: 100 });
    const slot = bench.open();
    const count = (bytes: number) => (bench.flows.doubles[(slot * FLOW_WORDS + Field.Sides + SideField.Bytes) >> 1] = bytes);
    count(100);
    bench.send(slot, 0, "x");
    expect(bench.flows.inspected(slot)).toBe(3);
    count(102);
    bench.send(slot, 0, "a");
    expect(bench.flows.inspected(slot)).toBe(2);
    expect(bench.fired()).toEqual([]);
  });
});
