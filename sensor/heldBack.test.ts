/** Connections whose reset was held back, and what becomes of them when that has ended: the whole pipeline, in memory. */
import { describe, expect, it } from "vitest";
import type { CompileInput } from "./decide/compile.ts";
import { setStop, Stop, type StopCause } from "./decide/mod.ts";
import { compileTexts, policy, settings } from "./decide/objects.fixture.ts";
import { buildSegment, Frame, LinkType, SegmentSpec, TcpFlag } from "./decode/mod.ts";
import { fullName } from "./fullName.ts";
import { Pipeline } from "./pipeline.ts";
import { PolicyTotals } from "./policyTotals.ts";
import { EventRecorder } from "./recorder.ts";
import { Counters, LabelTable } from "./report/mod.ts";

const { Syn, Ack, Rst } = TcpFlag;
const CONNECTED = "{name: any, ports: ['80'], connection: {phase: Established}}";
const REFUSED = "{name: any, ports: ['80'], connection: {phase: Handshake}}";
const MARKED = "{name: mark, signature: {rules: ['alert tcp any any -> any any (content:\"EVIL\"; sid:7;)']}}";

interface EventLine {
  readonly event_type: string;
  readonly alert?: { readonly signature_id: number };
  readonly flow: { readonly src_port: number };
  readonly in_iface: string;
  readonly flowreset: { readonly verdict: string; readonly reason: string };
}

/** One node with connections to port 80 by the client's port. */
class Node {
  readonly lines: EventLine[] = [];
  readonly pipeline: Pipeline;
  readonly #stop = new Int32Array(1);
  readonly #counters = new Counters();
  readonly #labels = new LabelTable();
  readonly #recorder: EventRecorder;
  readonly #reference = { kind: "ResponsePolicy", namespace: "shop", name: "test", uid: "0" } as const;
  readonly #totals = new PolicyTotals(() => [this.#counters], this.#labels);
  nowMs = 1_700_000_000_000;

  constructor(rules: readonly string[], spec: readonly string[] = ["mode: Enforce"], input: Partial<CompileInput> = {}) {
    const { compiled } = compileTexts([policy({ spec, rules })], input);
    const label = this.#labels.intern(fullName(this.#reference));
    const labels = { ofPolicy: [label], names: new Map([[label, fullName(this.#reference)]]) };
    this.#recorder = new EventRecorder(compiled, labels, { counters: this.#counters, emit: (line) => this.lines.push(JSON.parse(line) as EventLine), nameOf: (index) => `if${index}` });
    this.pipeline = new Pipeline({ compiled, stop: this.#stop, tableCapacity: 1_024, seed: 1, markKey: [1, 2], recorder: this.#recorder, labelOf: () => label });
    this.#recorder.table = this.pipeline.table;
    this.#totals.read([this.#reference]);
  }

  swap(rules: readonly string[], spec: readonly string[], input: Partial<CompileInput> = {}): void {
    const { compiled } = compileTexts([policy({ spec, rules })], input);
    this.pipeline.swap(compiled);
    this.#recorder.swap(compiled, { ofPolicy: [0], names: new Map() });
  }

  /** As the packet loop hears of it. */
  stop(cause: StopCause, isOn: boolean): void {
    setStop(this.#stop, cause, isOn);
    if (this.#stop[0] !== 0) this.pipeline.injector.stop(this.nowMs);
    else this.pipeline.injector.resume();
  }

  /** A connection that says `text`, of which both ends are seen. */
  connect(port: number, text = "hello"): this {
    const isn = port * 7_919;
    this.#play(port, true, isn, 0, Syn).#play(port, false, isn * 3, isn + 1, Syn | Ack).#play(port, true, isn + 1, isn * 3 + 1, Ack);
    return this.say(port, text).answer(port, 1 + text.length);
  }

  answer(port: number, acknowledged: number): this {
    return this.#play(port, false, port * 7_919 * 3 + 1, port * 7_919 + acknowledged, Ack, "yes");
  }

  say(port: number, text: string, at = 1): this {
    return this.#play(port, true, port * 7_919 + at, port * 7_919 * 3 + 1, Ack, text);
  }

  /** The client is gone. */
  end(port: number, at: number): this {
    return this.#play(port, true, port * 7_919 + at, 0, Rst);
  }

  #play(port: number, fromClient: boolean, sequence: number, acknowledgement: number, flags: number, text = ""): this {
    const spec = new SegmentSpec();
    const [client, server] = [0x0a000000 | (port << 8) | 1, 0xc0000201 | 0];
    spec.source2 = spec.destination2 = 0xffff;
    [spec.source3, spec.destination3, spec.sourcePort, spec.destinationPort] = fromClient ? [client, server, port, 80] : [server, client, 80, port];
    Object.assign(spec, { sequence: sequence | 0, acknowledgement: acknowledgement | 0, flags, window: 65_535, payload: Buffer.from(text) });
    const bytes = new Uint8Array(200);
    const length = buildSegment(bytes, 0, spec);
    this.pipeline.step(Object.assign(new Frame(), { bytes, capturedLength: length, wireLength: length, timestampMs: (this.nowMs += 0.01), interfaceIndex: 3, linkType: LinkType.Ethernet }));
    return this.#settle();
  }

  turn(ms = 1, turns = 1): this {
    for (let i = 0; i < turns; i++) {
      this.nowMs += ms;
      this.pipeline.tick(this.nowMs);
      this.#settle();
    }
    return this;
  }

  #settle(): this {
    this.pipeline.settle(this.nowMs);
    this.pipeline.outbox.clear();
    return this;
  }

  /** `type verdict reason` of what was told since the last call, outcomes left out. */
  told(): string[] {
    return this.lines.splice(0).filter(({ event_type: type }) => type !== "outcome").map(({ event_type: type, flowreset: { verdict, reason } }) => `${type} ${verdict} ${reason}`.trim());
  }

  /** How many RSTs' first ones were told. */
  get resets(): number {
    return this.lines.filter(({ event_type: type, flowreset }) => type === "reset" && flowreset.verdict === "Reset").length;
  }

  get counted(): string {
    const { detections, wouldReset, suppressed } = this.#totals.read([this.#reference])[0]!;
    return `detections ${detections}, would ${wouldReset}, suppressed ${suppressed}`;
  }
}

describe("the end of a stop", () => {
  const rows: [cause: keyof typeof Stop, rule: string, text: string, first: readonly string[]][] = [
    ["Emergency", CONNECTED, "hello", ["alert WouldReset EmergencyStop"]],
    ["ObserveOnlyFleet", CONNECTED, "hello", ["alert WouldReset ObserveOnlyFleet"]],
    ["PolicyTooOld", CONNECTED, "hello", ["alert WouldReset PolicyTooOld"]],
    ["Emergency", MARKED, "an EVIL word", ["alert WouldReset EmergencyStop"]],
    ["Emergency", REFUSED, "hello", ["alert WouldRefuse EmergencyStop"]],
  ];
  it.each(rows)("%s: resets what lives on of what was only counted: %s", (cause, rule, text, first) => {
    const node = new Node([rule]);
    node.stop(Stop[cause], true);
    node.connect(5, text).turn(60_000);
    expect([node.told(), node.counted]).toEqual([first, "detections 1, would 1, suppressed 0"]);
    node.stop(Stop[cause], false);
    node.turn();
    expect(node.told()).toEqual(["reset Reset"]);
    node.turn(1, 3);
    expect([node.told(), node.counted]).toEqual([[], "detections 2, would 1, suppressed 0"]);
  });

  it("names the signature that had fired, and no interface of another's packet", () => {
    const node = new Node([MARKED]);
    node.stop(Stop.Emergency, true);
    node.connect(5, "an EVIL word");
    node.stop(Stop.Emergency, false);
    node.turn();
    expect(node.pipeline.decider.decision).toMatchObject({ rule: 0, signature: 0, side: 0, confidence: 2, isRetry: true });
    expect(node.lines.at(-1)).toMatchObject({ event_type: "reset", in_iface: "if3", flow: { src_port: 5 } });
  });

  it("waits for the last cause, and for the injector", () => {
    const node = new Node([CONNECTED]);
    node.stop(Stop.Emergency, true);
    node.stop(Stop.PolicyTooOld, true);
    node.connect(5);
    node.stop(Stop.Emergency, false);
    node.turn();
    expect(node.resets).toBe(0);
    node.stop(Stop.PolicyTooOld, false);
    node.pipeline.injector.stop(node.nowMs);
    node.turn();
    expect(node.resets).toBe(0);
    node.pipeline.injector.resume();
    node.turn();
    expect(node.resets).toBe(1);
  });

  it("lets alone what has ended, what another rule says today, and who only passed by", () => {
    const node = new Node([CONNECTED, MARKED.replace("EVIL", "GOOD")]);
    node.stop(Stop.Emergency, true);
    node.connect(5).connect(6).end(5, 6);
    node.swap([CONNECTED.replace("'80'", "'81'")], ["mode: Enforce"]);
    node.stop(Stop.Emergency, false);
    node.turn(1, 20);
    expect(node.resets).toBe(0);
  });

  it("goes on with a kill that the stop broke off", () => {
    const node = new Node([CONNECTED]).connect(5);
    expect(node.resets).toBe(1);
    node.stop(Stop.Emergency, true);
    node.turn(100);
    node.stop(Stop.Emergency, false);
    node.turn();
    expect(node.resets).toBe(2);
  });

  it("keeps to the budgets, half of which it leaves to what is found meanwhile", () => {
    const node = new Node([CONNECTED], ["mode: Enforce", "limits: {connectionsPerMinutePerNode: 10}"]);
    node.stop(Stop.Emergency, true);
    for (let port = 1; port <= 40; port++) node.connect(port);
    node.turn(60_000).stop(Stop.Emergency, false);
    node.turn(1, 10);
    expect(node.resets).toBe(5);
    for (let port = 41; port <= 45; port++) node.connect(port);
    expect(node.resets).toBe(10);
  });
});

describe("a connection over budget", () => {
  const tight = ["mode: Enforce", "limits: {connectionsPerMinutePerNode: 2}"];
  const node2: Partial<CompileInput> = { settings: settings({ budgets: { connectionsPerMinute: 2 } }) };

  it.each<[string, string, readonly string[], Partial<CompileInput>, string, string]>([
    ["the policy's", CONNECTED, tight, {}, "hello", "PolicyBudget"],
    ["the node's", CONNECTED, ["mode: Enforce"], node2, "hello", "NodeBudget"],
    ["the policy's, by its bytes", MARKED, tight, {}, "EVIL", "PolicyBudget"],
  ])("is reset when it refills: %s", (_, rule, spec, input, text, reason) => {
    const node = new Node([rule], spec, input).connect(1, text).connect(2, text).connect(3, text);
    expect(node.told().at(-1)).toBe(`alert Suppress ${reason}`);
    node.turn(1_000, 58);
    expect([node.told(), node.counted]).toEqual([[], "detections 3, would 0, suppressed 1"]);
    node.turn(1_000, 3);
    expect([node.told(), node.counted]).toEqual([["reset Reset"], "detections 4, would 0, suppressed 1"]);
  });

  it("makes no storm of it, and none is forgotten: at most the refill, of all that live", () => {
    const node = new Node([CONNECTED], ["mode: Enforce", "limits: {connectionsPerMinutePerNode: 60}"]);
    for (let port = 1; port <= 300; port++) node.connect(port);
    for (let port = 61; port <= 80; port++) node.end(port, 6);
    expect(node.resets).toBe(60);
    node.turn(1_000, 60);
    const afterAMinute = node.resets;
    expect(afterAMinute).toBeGreaterThan(85);
    expect(afterAMinute).toBeLessThanOrEqual(60 + 31);
    node.turn(1_000, 240);
    expect(node.resets).toBe(280);
    node.turn(1_000, 120);
    expect(node.resets).toBe(280);
  });

  it("that a policy only observes is told once and waits for nothing", () => {
    const node = new Node([CONNECTED], ["mode: Observe"], node2).connect(1).connect(2).connect(3);
    node.turn(1_000, 200);
    expect(node.counted).toBe("detections 3, would 2, suppressed 1");
  });
});

describe("a policy that begins to enforce", () => {
  it.each([["connections", CONNECTED, "hello"], ["bytes", MARKED, "EVIL"]])("does what it has counted, by %s, and counts it no second time as found", (_, rule, text) => {
    const node = new Node([rule], ["mode: Observe"]).connect(5, text);
    expect(node.told()).toEqual(["alert WouldReset ObserveMode"]);
    node.swap([rule], ["mode: Observe", "severity: High"]);
    node.turn(1, 20);
    expect(node.told()).toEqual([]);
    node.swap([rule], ["mode: Enforce"]);
    node.turn(1, 20);
    expect(node.told()).toEqual(["reset Reset"]);
  });

  it("because its namespace may, does so too", () => {
    const node = new Node([CONNECTED], ["mode: Enforce"]);
    const held = compileTexts([policy({ spec: ["mode: Enforce"], rules: [CONNECTED] })]).compiled;
    const holding = { ...held, guards: { ...held.guards, heldBack: Uint8Array.of(1) } };
    node.pipeline.swap(holding);
    node.turn(1, 20).connect(5);
    expect(node.told()).toEqual(["alert WouldReset NamespaceNotEnforced"]);
    node.pipeline.swap(held);
    node.turn(1, 20);
    expect(node.told()).toEqual(["reset Reset"]);
  });
});

it("a finding that waits for a sign of life outlives a new policy that keeps its rule", () => {
  const node = new Node([MARKED]).say(5, "EVIL");
  expect(node.told()).toEqual(["alert Suppress NotSeenAlive"]);
  node.swap([CONNECTED.replace("'80'", "'81'"), MARKED], ["mode: Enforce"]);
  node.turn(100, 10).answer(5, 5);
  expect(node.told()).toEqual(["reset Reset"]);
});
