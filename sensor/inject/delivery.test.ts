/** What leaves, and where: tuple, MACs, VLAN tag, TTL and way of each forged packet, read back by decode. */
import { describe, expect, it } from "vitest";
import { DecodeContext, Frame, LinkHeader, LinkType, Packet, PacketDirection, SegmentSpec, TcpFlag, buildSegment, decode, formatEndpoint, parseAddress } from "../decode/mod.ts";
import { FlowTable, FlowTracker, InterfaceKind } from "../flow/mod.ts";
import { Injector, KillRequest, Outbox, Route, SLOT_BYTES, UnseenTuple } from "./mod.ts";
import { OutcomeLog } from "./outcomeLog.fixture.ts";
import type { InjectRoute } from "./mod.ts";

const { Host, Outgoing } = PacketDirection;
const { Syn, Ack } = TcpFlag;

interface Kinds { readonly [interfaceIndex: number]: number }
interface Addresses { readonly [address: string]: number }

/** A sensor whose interfaces are of these kinds, and pods with these homes. */
class Node {
  readonly table = new FlowTable({ capacity: 16, seed: 1 });
  readonly outbox = new Outbox(32);
  readonly log = new OutcomeLog();
  readonly tracker: FlowTracker;
  readonly injector: Injector;
  readonly #packet = new Packet();
  readonly #context = new DecodeContext();
  nowMs = 1_000;

  constructor(kinds: Kinds, addresses: Addresses = {}, route: InjectRoute = "near") {
    const homeOf = (word0: number, word1: number, word2: number, word3: number) =>
      addresses[formatEndpoint(word0, word1, word2, word3, 0).replace(/:0$/, "")] ?? 0;
    const homes = { homeOf, kindOf: (interfaceIndex: number) => kinds[interfaceIndex] ?? InterfaceKind.Unknown };
    this.tracker = new FlowTracker({ table: this.table, homes });
    this.injector = new Injector({ table: this.table, outbox: this.outbox, markKey: [1, 2], interfaces: homes, route, onOutcome: this.log.onOutcome });
  }

  /** A packet on an interface; returns its flow. */
  see(interfaceIndex: number, direction: number, from: string, to: string, change: Partial<SegmentSpec> & { vlan?: number } = {}): number {
    const spec = Object.assign(new SegmentSpec(), { macs0: 0x02aaaaaa, macs1: 0xaa010200 | 0, macs2: 0xbbbb0002 | 0, flags: Ack, sequence: 5, ttl: 61 }, change);
    [spec.source0, spec.source1, spec.source2, spec.source3, spec.sourcePort] = endpoint(from);
    [spec.destination0, spec.destination1, spec.destination2, spec.destination3, spec.destinationPort] = endpoint(to);
    const bytes = new Uint8Array(200);
    const length = buildSegment(bytes, 0, spec);
    const linkType = spec.linkHeader === LinkHeader.None ? LinkType.Raw : LinkType.Ethernet;
    const frame = Object.assign(new Frame(), { bytes, capturedLength: length, wireLength: length, timestampMs: this.nowMs++, interfaceIndex, direction, linkType, vlanTci: change.vlan ?? -1, vlanTpid: change.vlan === undefined ? 0 : 0x8100 });
    expect(decode(frame, this.#packet, this.#context)).toBe(0);
    const slot = this.tracker.update(this.#packet);
    this.injector.onPacket(this.#packet, slot, this.tracker.side, this.tracker.event, this.nowMs);
    return slot;
  }

  kill(slot: number): Left[] {
    this.injector.start(Object.assign(new KillRequest(), { slot, side: 0 }), this.nowMs);
    return this.left();
  }

  /** What is in the outbox. */
  left(): Left[] {
    return Array.from({ length: this.outbox.count }, (_, place) => {
      const route = this.outbox.route[place]!;
      const bytes = this.outbox.bytes.slice(place * SLOT_BYTES, place * SLOT_BYTES + this.outbox.length[place]!);
      const hasLink = route === Route.Frame && bytes[12] !== undefined && (bytes[0]! >> 4) !== 4;
      const frame = Object.assign(new Frame(), { bytes, capturedLength: bytes.length, wireLength: bytes.length, linkType: hasLink ? LinkType.Ethernet : LinkType.Raw });
      const packet = new Packet();
      expect(decode(frame, packet, this.#context)).toBe(0);
      return {
        way: route === Route.Frame ? `frame on ${this.outbox.interfaceIndex[place]}` : `raw on ${this.outbox.interfaceIndex[place]}`,
        tuple: `${formatEndpoint(packet.source0, packet.source1, packet.source2, packet.source3, packet.sourcePort)} > ${formatEndpoint(packet.destination0, packet.destination1, packet.destination2, packet.destination3, packet.destinationPort)}`,
        macs: hasLink ? Buffer.from(bytes.subarray(0, 12)).toString("hex") : "",
        vlan: packet.vlanTci,
        ttl: packet.ttl,
      };
    });
  }
}

interface Left {
  readonly way: string;
  readonly tuple: string;
  readonly macs: string;
  readonly vlan: number;
  readonly ttl: number;
}

function endpoint(text: string): [number, number, number, number, number] {
  const colon = text.lastIndexOf(":");
  const words = parseAddress(text.slice(0, colon))!;
  return [words[0]!, words[1]!, words[2]!, words[3]!, Number(text.slice(colon + 1))];
}

const POD = "10.244.1.7:40000";
const VIP = "10.96.0.10:80";
const BACKEND = "10.244.1.9:9000";
const OUTSIDE = "203.0.113.9:443";
/** NOP, NOP, timestamp 7, no echo. */
const TIMESTAMP = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0);

describe("where a RST leaves", () => {
  it("to a pod: a frame on its interface with the MACs of its own frames turned round", () => {
    const node = new Node({ 3: InterfaceKind.Pod }, { "10.244.1.7": 3 });
    const slot = node.see(3, Host, POD, OUTSIDE, { acknowledgement: 77, macs0: 0x02010203, macs1: 0x04050a0b, macs2: 0x0c0d0e0f, ttl: 64 });
    node.see(3, Outgoing, OUTSIDE, POD, { sequence: 77, acknowledgement: 5, ttl: 53 });
    expect(node.kill(slot)).toMatchObject([
      { way: "frame on 3", tuple: `${OUTSIDE} > ${POD}`, macs: "0a0b0c0d0e0f020102030405", ttl: 53 },
      { way: "raw on 0", tuple: `${POD} > ${OUTSIDE}`, ttl: 64 },
    ]);
  });

  it("to an outside host behind the uplink: by raw socket, though its packets come in there", () => {
    const node = new Node({ 2: InterfaceKind.Uplink, 3: InterfaceKind.Pod });
    const slot = node.see(2, Host, OUTSIDE, POD, { acknowledgement: 77, ttl: 7 });
    node.see(2, Outgoing, POD, OUTSIDE, { sequence: 77, acknowledgement: 5, ttl: 9 });
    expect(node.kill(slot)).toMatchObject([{ way: "raw on 0", ttl: 64 }, { way: "raw on 0", ttl: 64 }]);
  });

  it("with the VLAN tag of the end's own frames", () => {
    const node = new Node({ 3: InterfaceKind.Pod }, { "10.244.1.7": 3 });
    const slot = node.see(3, Host, POD, OUTSIDE, { acknowledgement: 77, vlan: 42 });
    expect(node.kill(slot)[0]).toMatchObject({ way: "frame on 3", vlan: 42 });
  });

  it("without a link header on an interface that has none", () => {
    const node = new Node({ 6: InterfaceKind.Pod }, { "10.244.1.7": 6 });
    const slot = node.see(6, Host, POD, OUTSIDE, { acknowledgement: 77, linkHeader: LinkHeader.None });
    expect(node.kill(slot)[0]).toMatchObject({ way: "frame on 6", macs: "", tuple: `${OUTSIDE} > ${POD}` });
  });

  it("on a mirror port: all by raw socket, bound to the interface that was named", () => {
    const node = new Node({}, {}, { interfaceIndex: 9 });
    const slot = node.see(3, Host, POD, OUTSIDE, { acknowledgement: 77 });
    node.see(3, Host, OUTSIDE, POD, { sequence: 77, acknowledgement: 5 });
    expect(node.kill(slot).map((left) => left.way)).toEqual(["raw on 9", "raw on 9"]);
  });
});

describe("a connection through NAT", () => {
  /** A pod calls a service address; the backend is a pod of the same node. */
  function service(): { node: Node; slot: number } {
    const node = new Node({ 3: InterfaceKind.Pod, 4: InterfaceKind.Pod });
    const slot = node.see(3, Host, POD, VIP, { flags: Syn, sequence: 1_000, acknowledgement: 0 });
    node.see(4, Outgoing, POD, BACKEND, { flags: Syn, sequence: 1_000, acknowledgement: 0 });
    node.see(4, Host, BACKEND, POD, { flags: Syn | Ack, sequence: 9_000, acknowledgement: 1_001 });
    node.see(3, Outgoing, VIP, POD, { flags: Syn | Ack, sequence: 9_000, acknowledgement: 1_001 });
    node.see(3, Host, POD, VIP, { sequence: 1_001, acknowledgement: 9_001 });
    node.see(4, Outgoing, POD, BACKEND, { sequence: 1_001, acknowledgement: 9_001 });
    return { node, slot };
  }

  it("each end gets the tuple of its own interface", () => {
    const { node, slot } = service();
    expect(node.kill(slot)).toMatchObject([
      { way: "frame on 3", tuple: `${VIP} > ${POD}` },
      { way: "frame on 4", tuple: `${POD} > ${BACKEND}` },
    ]);
  });

  it("a kill of either tuple is one kill", () => {
    const { node, slot } = service();
    node.kill(slot);
    expect(node.injector.active).toBe(1);
    node.injector.start(Object.assign(new KillRequest(), { slot: node.table.twin(slot) }), node.nowMs);
    expect(node.injector.active).toBe(1);
    expect(node.injector.counters.joined).toBe(1);
  });

  it("what the kernel refuses as a frame goes by the tuple of the other end's interface, which its NAT knows", () => {
    const { node, slot } = service();
    node.kill(slot);
    node.outbox.error.fill(100);
    node.injector.afterSend(node.nowMs);
    node.injector.tick(node.nowMs + 1);
    expect(node.left()).toMatchObject([
      { way: "raw on 0", tuple: `${BACKEND} > ${POD}` },
      { way: "raw on 0", tuple: `${POD} > ${VIP}` },
    ]);
  });

  it("a packet on the other tuple continues the chase", () => {
    const { node, slot } = service();
    node.kill(slot);
    node.outbox.clear();
    node.nowMs += 5;
    node.see(4, Host, BACKEND, POD, { sequence: 9_001, acknowledgement: 1_001, payload: new Uint8Array(10) });
    expect(node.left().map((left) => left.tuple)).toContain(`${VIP} > ${POD}`);
  });

  it("a far end is reached with the tuple that the near side's NAT knows", () => {
    // The backend is elsewhere: only the client's interface and the uplink are here, and the uplink shows the translated tuple.
    const node = new Node({ 2: InterfaceKind.Uplink, 3: InterfaceKind.Pod }, { "10.244.1.7": 3 });
    const slot = node.see(3, Host, POD, OUTSIDE, { flags: Syn, sequence: 1_000, acknowledgement: 0 });
    const uplink = node.see(2, Outgoing, "198.51.100.4:40000", OUTSIDE, { flags: Syn, sequence: 1_000, acknowledgement: 0 });
    node.see(2, Host, OUTSIDE, "198.51.100.4:40000", { flags: Syn | Ack, sequence: 9_000, acknowledgement: 1_001 });
    node.see(3, Outgoing, OUTSIDE, POD, { flags: Syn | Ack, sequence: 9_000, acknowledgement: 1_001 });
    expect(node.table.twin(slot)).toBe(uplink);
    const expected = [
      { way: "frame on 3", tuple: `${OUTSIDE} > ${POD}` },
      { way: "raw on 0", tuple: `${POD} > ${OUTSIDE}` },
    ];
    expect(node.kill(uplink)).toMatchObject(expected);
  });

  it("a far client that calls a node port is reached with the backend's tuple", () => {
    const NODE_PORT = "198.51.100.1:30080";
    const node = new Node({ 2: InterfaceKind.Uplink, 4: InterfaceKind.Pod }, { "10.244.1.9": 4 });
    const slot = node.see(2, Host, OUTSIDE, NODE_PORT, { flags: Syn, sequence: 1_000, acknowledgement: 0 });
    node.see(4, Outgoing, OUTSIDE, BACKEND, { flags: Syn, sequence: 1_000, acknowledgement: 0 });
    node.see(4, Host, BACKEND, OUTSIDE, { flags: Syn | Ack, sequence: 9_000, acknowledgement: 1_001 });
    node.see(2, Outgoing, NODE_PORT, OUTSIDE, { flags: Syn | Ack, sequence: 9_000, acknowledgement: 1_001 });
    node.see(2, Host, OUTSIDE, NODE_PORT, { sequence: 1_001, acknowledgement: 9_001 });
    node.see(4, Outgoing, OUTSIDE, BACKEND, { sequence: 1_001, acknowledgement: 9_001 });
    expect(node.kill(slot)).toMatchObject([
      { way: "raw on 0", tuple: `${BACKEND} > ${OUTSIDE}` },
      { way: "frame on 4", tuple: `${OUTSIDE} > ${BACKEND}` },
    ]);
  });

  it("a far client that is refused at its SYN is reached with the backend's tuple once the backend has shown itself", () => {
    const NODE_PORT = "198.51.100.1:30080";
    const node = new Node({ 2: InterfaceKind.Uplink, 4: InterfaceKind.Pod }, { "10.244.1.9": 4 });
    const slot = node.see(2, Host, OUTSIDE, NODE_PORT, { flags: Syn, sequence: 1_000, acknowledgement: 0 });
    node.injector.start(Object.assign(new KillRequest(), { slot, side: 0, refuse: true }), node.nowMs);
    expect(node.left()).toMatchObject([{ way: "raw on 0", tuple: `${NODE_PORT} > ${OUTSIDE}` }, { way: "raw on 0", tuple: `${OUTSIDE} > ${NODE_PORT}` }]);
    node.see(4, Outgoing, OUTSIDE, BACKEND, { flags: Syn, sequence: 1_000, acknowledgement: 0 });
    node.outbox.clear();
    node.see(4, Host, BACKEND, OUTSIDE, { flags: Syn | Ack, sequence: 9_000, acknowledgement: 1_001 });
    node.injector.tick(node.nowMs + 100);
    const tuples = new Set(node.left().map(({ way, tuple }) => `${way} ${tuple}`));
    expect(tuples).toEqual(new Set([`frame on 4 ${OUTSIDE} > ${BACKEND}`, `raw on 0 ${BACKEND} > ${OUTSIDE}`]));
  });

  it("that was never seen is reached so too, once its answer shows both tuples", () => {
    const NODE_PORT = "198.51.100.1:30080";
    const node = new Node({ 2: InterfaceKind.Uplink, 4: InterfaceKind.Pod }, { "10.244.1.9": 4, "198.51.100.1": 2 });
    const tuple = new UnseenTuple();
    tuple.address.set([...endpoint(OUTSIDE).slice(0, 4), ...endpoint(NODE_PORT).slice(0, 4)]);
    [tuple.clientPort, tuple.serverPort] = [443, 30_080];
    node.injector.startUnseen(tuple, Object.assign(new KillRequest(), { mayAsk: true }), node.nowMs);
    expect(node.left().map((left) => left.tuple)).toEqual([`${NODE_PORT} > ${OUTSIDE}`, `${OUTSIDE} > ${NODE_PORT}`]);
    node.outbox.clear();
    const answer = { sequence: 9_001, acknowledgement: 1_001, options: TIMESTAMP };
    node.see(4, Host, BACKEND, OUTSIDE, answer);
    expect(node.left()).toEqual([]);
    node.see(2, Outgoing, NODE_PORT, OUTSIDE, answer);
    expect(node.left()).toMatchObject([
      { way: "frame on 4", tuple: `${OUTSIDE} > ${BACKEND}` },
      { way: "raw on 0", tuple: `${BACKEND} > ${OUTSIDE}` },
    ]);
    expect(node.injector.active).toBe(1);
  });
});
