/** NAT gives one connection two tuples: a rule that fits either finds what shows under either, and says so once. */
import { describe, expect, it } from "vitest";
import { Field, FLOW_WORDS, FlowFlag, FlowState, SIDE_WORDS, SideField } from "../flow/mod.ts";
import { Detector, DetectPhase } from "./detector.ts";
import { HandMadeFlows, latin1 } from "./flows.fixture.ts";
import { build, type ShortRule } from "./rules.fixture.ts";

/** A pod that calls the pod beside it by a service address: as the client knows it, and as the server does. */
const CLIENT = "10.244.1.7";
const SERVER = "10.244.1.9";
const VIP = "10.96.0.10";
const NEXT = [1_000, 900_000] as const;

class World {
  readonly flows = new HandMadeFlows(8);
  readonly detector: Detector;

  constructor(rules: readonly ShortRule[]) {
    this.detector = new Detector(this.flows, build(rules));
  }

  /** A tuple whose sides have sent as much as its twin's; `turned` where its side 0 is the server. */
  add(server: string, serverPort: number, turned = false, state: number = FlowState.Established): number {
    const ends = turned ? { client: server, clientPort: serverPort, server: CLIENT, serverPort: 40_000 } : { client: CLIENT, server, serverPort };
    const slot = this.flows.add({ ...ends, state });
    for (let side = 0; side < 2; side++) this.flows.set(slot, Field.Sides + side * SIDE_WORDS + SideField.Next, NEXT[turned ? 1 - side : side]!);
    return slot;
  }

  link(slot: number, other: number): void {
    this.flows.set(slot, Field.Twin, other);
    this.flows.set(other, Field.Twin, slot);
    this.detector.onTwin(slot);
  }

  open(slot: number): void {
    this.flows.set(slot, Field.State, FlowState.Established);
    this.detector.onFlow(slot, DetectPhase.Established, 0);
  }

  send(slot: number, side: number, text: string): void {
    if ((this.flows.inspected(slot) & (1 << side)) !== 0) this.detector.onBytes(slot, side, latin1(text), 0, text.length);
  }

  /** Slot and rule of what fired since the last call. */
  fired(): [number, number][] {
    const found = this.detector.findings.slice(0, this.detector.count).map(({ slot, rule }): [number, number] => [slot, rule]);
    this.detector.count = 0;
    return found;
  }

  /** Both tuples, linked before either was established. */
  static pair(rules: readonly ShortRule[], turned = false): { world: World; known: number; real: number } {
    const world = new World(rules);
    const [known, real] = [world.add(VIP, 80), world.add(SERVER, 8080, turned)];
    world.link(real, known);
    world.open(known);
    world.open(real);
    return { world, known, real };
  }
}

const atServer = { subject: [`${SERVER}/32`], direction: "Inbound", ports: ["8080"] } as const;
const evil = 'flow:to_server; content:"evil";';

describe("a signature rule that names the server's own tuple", () => {
  for (const header of ["any any -> any any", "any any -> any 8080", `any any -> ${SERVER} any`]) {
    it(`finds what counts under the client's only: ${header}`, () => {
      const { world, known } = World.pair([{ ...atServer, signatures: [`alert tcp ${header} (${evil} sid:1;)`] }]);
      world.send(known, 0, "e");
      world.send(known, 0, "vil");
      expect(world.fired()).toEqual([[known, 0]]);
    });
  }

  it("finds all contents of a signature, and says so once for both tuples", () => {
    const { world, known, real } = World.pair([{ ...atServer, signatures: ['content:"one"; content:"two";'] }]);
    for (const text of ["one", "two", "one two"]) for (const slot of [known, real]) world.send(slot, 1, text);
    expect(world.fired()).toEqual([[known, 0]]);
  });

  it("finds it though the other tuple takes the server for the client, and only in what the client sends", () => {
    // Of a connection first seen in the middle either side may be taken for the client.
    const world = new World([{ subject: [`${SERVER}/32`], signatures: [`alert tcp any any -> ${SERVER} 8080 (content:"evil"; sid:1;)`] }]);
    const [known, real] = [world.add(VIP, 80), world.add(SERVER, 8080, true)];
    world.link(real, known);
    world.open(known);
    world.send(known, 1, "evil");
    expect(world.fired()).toEqual([]);
    world.send(known, 0, "evil");
    expect(world.fired()).toEqual([[known, 0]]);
  });

  it("takes up the bytes that come after the tuples know each other", () => {
    const world = new World([{ ...atServer, signatures: [evil] }]);
    const [known, real] = [world.add(VIP, 80), world.add(SERVER, 8080)];
    world.open(known);
    expect(world.flows.inspected(known)).toBe(0);
    world.link(real, known);
    world.send(known, 0, "evil");
    expect(world.fired()).toEqual([[known, 0]]);
  });

  it("does not mix the tuples: rule and signature must fit the same one", () => {
    const { world, known, real } = World.pair([{ ...atServer, signatures: [`alert tcp any any -> any 80 (${evil} sid:1;)`] }]);
    for (const slot of [known, real]) world.send(slot, 0, "evil");
    expect(world.fired()).toEqual([]);
  });

  it("finds nothing once the tuples have parted", () => {
    const { world, known, real } = World.pair([{ ...atServer, signatures: [evil] }]);
    world.flows.set(known, Field.Twin, -1);
    world.flows.set(real, Field.Twin, -1);
    world.send(known, 0, "evil");
    expect(world.fired()).toEqual([]);
  });
});

describe("a connection rule", () => {
  const real = (phase: "Handshake" | "Established"): ShortRule => ({ ...atServer, phase });
  const any = (phase: "Handshake" | "Established"): ShortRule => ({ phase });

  it("fires at what is known of the SYN when the server's tuple shows by its answer, on the tuple that had the SYN", () => {
    const world = new World([real("Handshake"), any("Handshake")]);
    const known = world.add(VIP, 80, false, FlowState.SynSent);
    world.detector.onFlow(known, DetectPhase.Handshake, 1);
    expect(world.fired()).toEqual([[known, 1]]);
    world.link(world.add(SERVER, 8080, false, FlowState.SynReceived), known);
    expect(world.detector.findings[0]!.handshake).toBe(true);
    expect(world.fired()).toEqual([[known, 0]]);
  });

  it("fires once where the SYN shows under both tuples", () => {
    const world = new World([any("Handshake"), real("Handshake")]);
    const known = world.add(VIP, 80, false, FlowState.SynSent);
    world.detector.onFlow(known, DetectPhase.Handshake, 1);
    const second = world.add(SERVER, 8080, false, FlowState.SynSent);
    world.link(second, known);
    world.detector.onFlow(second, DetectPhase.Handshake, 2);
    expect(world.fired().map(([, rule]) => rule).toSorted()).toEqual([0, 1]);
  });

  it("fires once when the connection is established, with whichever tuple comes first", () => {
    const { world, known } = World.pair([any("Established"), real("Established")]);
    expect(world.fired()).toEqual([[known, 0], [known, 1]]);
  });

  it("fires for each of two tuples that knew nothing of each other what it fits, and nothing more when they meet", () => {
    const world = new World([real("Established"), { subject: [`${VIP}/32`], direction: "Inbound", phase: "Established" }]);
    const [known, other] = [world.add(VIP, 80), world.add(SERVER, 8080)];
    world.open(known);
    world.open(other);
    expect(world.fired()).toEqual([[known, 1], [other, 0]]);
    world.link(other, known);
    expect(world.fired()).toEqual([]);
  });

  it("that is new looks at both tuples once", () => {
    const { world, known } = World.pair([]);
    world.detector.swap(build([any("Established"), real("Established")]));
    while (world.detector.revisit(3)) continue;
    expect(world.fired()).toEqual([[known, 0], [known, 1]]);
  });

  it("that is new is asked once where the tuples meet before they were looked at again", () => {
    const world = new World([]);
    const known = world.add(VIP, 80);
    world.open(known);
    world.detector.swap(build([real("Established")]));
    const other = world.add(SERVER, 8080);
    world.link(other, known);
    world.open(other);
    while (world.detector.revisit(3)) continue;
    expect(world.fired()).toEqual([[known, 0]]);
  });
});

it("a flow without a twin is judged by its own tuple", () => {
  const world = new World([{ ...atServer, signatures: [evil] }]);
  const [known, other] = [world.add(VIP, 80), world.add(SERVER, 8080)];
  for (const slot of [known, other]) {
    world.open(slot);
    world.send(slot, 0, "evil");
  }
  expect(world.fired()).toEqual([[other, 0]]);
  expect(world.flows.words[known * FLOW_WORDS + Field.Flags]! & FlowFlag.Inspect0).toBe(0);
});
