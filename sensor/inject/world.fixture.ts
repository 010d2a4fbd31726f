/**
 * A small world around the injector: two Linux ends, each behind its own interface of one node, a sensor that sees
 * every packet on both interfaces and may lag behind, and wires that lose and reorder by a seed. Time is a number.
 *
 *   client --(delay)-- [interface 1]  node + sensor  [interface 2] --(delay)-- server
 */
import { DecodeContext, Frame, LinkType, Packet, PacketDirection, SegmentSpec, TcpFlag, buildSegment, decode, parseAddress } from "../decode/mod.ts";
import { FlowTable, FlowTracker, InterfaceKind, NULL_SINK } from "../flow/mod.ts";
import { LinuxEndpoint } from "./linuxEndpoint.fixture.ts";
import type { Segment } from "./linuxEndpoint.fixture.ts";
import { Injector, KillRequest, Outbox, Route, SLOT_BYTES } from "./mod.ts";
import { OutcomeLog } from "./outcomeLog.fixture.ts";
import type { InjectLimits } from "./mod.ts";

export type Side = 0 | 1;

export interface WorldOptions {
  /** One way from an end to its interface, by side. */
  delayMs?: readonly [client: number, server: number];
  /** How late the sensor wakes; then it takes in all that waits in the capture ring, and sends once. */
  lagMs?: number;
  /** Chance that a packet is lost on a wire, forged ones too. */
  loss?: number;
  /** Chance that a packet is late by up to `jitterMs`. */
  reorder?: number;
  jitterMs?: number;
  seed?: number;
  limits?: Partial<InjectLimits>;
  /** The server's side is seen as an uplink: its packets go by the raw route. */
  farServer?: boolean;
  /** Packets that the sensor does not see. */
  blind?: (packet: Packet, interfaceIndex: number) => boolean;
  ipVersion?: 4 | 6;
  /** Whether SACK was negotiated in the handshake. */
  sack?: boolean;
}

type Settings = { -readonly [Key in keyof WorldOptions]-?: NonNullable<WorldOptions[Key]> };

/** What left by the outbox, decoded. */
export interface Forged {
  readonly atMs: number;
  /** End that it is for. */
  readonly to: Side;
  readonly kind: "RST" | "RST|ACK" | "probe" | "SYN";
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly route: number;
  readonly interfaceIndex: number;
}

/** A packet in the capture ring. */
interface Waiting {
  readonly side: Side;
  readonly segment: Segment;
  readonly interfaceIndex: number;
  readonly direction: number;
  readonly capturedMs: number;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export const CLIENT_ISN = 0x7ffff000;
export const SERVER_ISN = 0x10000;
export const CLIENT_PORT = 40_000;
export const SERVER_PORT = 443;
export const MARK_KEY = Int32Array.of(0x13579bdf, 0x2468ace0);

export class World {
  readonly options: Settings;
  nowMs = 1_000_000;
  readonly ends: [LinuxEndpoint, LinuxEndpoint];
  readonly table = new FlowTable({ capacity: 64, seed: 1 });
  readonly tracker: FlowTracker;
  readonly outbox = new Outbox(256);
  readonly log = new OutcomeLog();
  readonly injector: Injector;
  readonly forged: Forged[] = [];
  /** Called for each packet that the sensor takes in, after the injector. */
  onSeen: (packet: Packet, slot: number) => void = () => {};
  /** Changes packets that the sensor sees. */
  markNext: ((packet: Packet) => void) | undefined;
  /** Gives a send error for a forged packet, by place. */
  errorOf: (route: number) => number = () => 0;
  readonly #packet = new Packet();
  readonly #context = new DecodeContext();
  readonly #forgedPacket = new Packet();
  readonly #frame = new Frame();
  readonly #spec = new SegmentSpec();
  readonly #wire = new Uint8Array(2_048);
  readonly #ring: Waiting[] = [];
  #events: Event[] = [];
  #order = 0;
  #random: number;
  #wakeMs = Infinity;

  constructor(ends: [LinuxEndpoint, LinuxEndpoint], options: WorldOptions = {}) {
    this.ends = ends;
    this.options = { delayMs: [0.05, 0.05], lagMs: 0.02, loss: 0, reorder: 0, jitterMs: 0.3, seed: 1, farServer: false, ipVersion: 4, sack: false, blind: () => false, limits: {}, ...options };
    this.#random = this.options.seed;
    const homes = {
      homeOf: (word0: number, word1: number, word2: number, word3: number) => (this.#isAddress(0, word0, word1, word2, word3) ? 1 : this.#isAddress(1, word0, word1, word2, word3) && !this.options.farServer ? 2 : 0),
      kindOf: (interfaceIndex: number) => (interfaceIndex === 1 || !this.options.farServer ? InterfaceKind.Pod : InterfaceKind.Uplink),
    };
    this.tracker = new FlowTracker({ table: this.table, stream: NULL_SINK, homes, onEvict: (slot: number) => this.injector.onEvict(slot) });
    this.injector = new Injector({ table: this.table, outbox: this.outbox, markKey: MARK_KEY, interfaces: homes, onOutcome: this.log.onOutcome, limits: this.options.limits });
  }

  /** Two ends that are connected, whose handshake and first exchange the sensor saw. */
  static established(options: WorldOptions = {}): World {
    const world = new World(LinuxEndpoint.pair(CLIENT_ISN, SERVER_ISN), options);
    const { Syn, Ack } = TcpFlag;
    const loss = world.options.loss;
    world.options.loss = 0;
    world.see(0, { sequence: CLIENT_ISN, acknowledgement: 0, flags: Syn, length: 0 });
    world.see(1, { sequence: SERVER_ISN, acknowledgement: CLIENT_ISN + 1, flags: Syn | Ack, length: 0 });
    world.see(0, { sequence: CLIENT_ISN + 1, acknowledgement: SERVER_ISN + 1, flags: Ack, length: 0 });
    world.ends[0].toSend = 100;
    world.live(5);
    world.ends[1].toSend = 100;
    world.live(60);
    world.options.loss = loss;
    return world;
  }

  /** A client that has not begun to connect, a server that listens. */
  static fresh(options: WorldOptions = {}): World {
    return new World([new LinuxEndpoint("closed", CLIENT_ISN), new LinuxEndpoint("listen", SERVER_ISN)], options);
  }

  /** The sensor sees a segment that no end gets. */
  see(side: Side, segment: Segment): void {
    this.show(side, segment, side + 1, PacketDirection.Host);
    this.show(side, segment, 2 - side, PacketDirection.Outgoing);
    this.run(this.options.lagMs + 0.01);
  }

  random(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) | 0;
    return (this.#random >>> 8) / 0x1000000;
  }

  at(delayMs: number, run: () => void): void {
    const event = { atMs: this.nowMs + delayMs, order: this.#order++, run };
    let place = this.#events.length;
    while (place > 0 && (this.#events[place - 1]!.atMs > event.atMs)) place--;
    this.#events.splice(place, 0, event);
  }

  /** Lets time pass: ends send, packets travel, the sensor works. */
  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    this.#pollEnds();
    for (;;) {
      const atMs = Math.min(this.#events[0]?.atMs ?? Infinity, this.#wakeMs);
      if (atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      if (this.#wakeMs <= this.nowMs) this.#work();
      while (this.#events.length > 0 && this.#events[0]!.atMs <= this.nowMs) this.#events.shift()!.run();
    }
    this.nowMs = untilMs;
  }

  /** Applications send and timers run, every 5 ms of the world. */
  live(forMs: number): void {
    for (let passed = 0; passed < forMs; passed += 5) this.run(Math.min(5, forMs - passed));
  }

  /** A segment leaves `side`. */
  send(side: Side, segment: Segment): void {
    const { delayMs } = this.options;
    const late = this.random() < this.options.reorder ? this.random() * this.options.jitterMs : 0;
    if (this.random() < this.options.loss) return;
    this.at(delayMs[side] + late, () => this.pass(side, segment));
  }

  /** A segment of `side` passes the node: both interfaces show it, then it goes on to the other end. */
  pass(side: Side, segment: Segment): void {
    const to = (1 - side) as Side;
    this.show(side, segment, side + 1, PacketDirection.Host);
    this.show(side, segment, to + 1, PacketDirection.Outgoing);
    this.#arrive(to, segment, this.options.delayMs[to]);
  }

  /** The sensor sees a segment of `side` on an interface, after its lag. */
  show(side: Side, segment: Segment, interfaceIndex: number, direction: number): void {
    this.#ring.push({ side, segment, interfaceIndex, direction, capturedMs: this.nowMs });
    if (this.#ring.length > 1) return;
    this.at(this.options.lagMs, () => {
      // As the packet loop does: the clock once a batch, what a packet caused leaves before the next is looked at.
      this.injector.wake(this.nowMs);
      for (const waiting of this.#ring.splice(0)) {
        this.#see(waiting);
        if (this.outbox.count > 0) this.#send();
      }
      this.#work();
    });
  }

  startKill(change: Partial<KillRequest> = {}): number {
    const request = Object.assign(new KillRequest(), { slot: this.slot(), side: 0, detectedMs: this.nowMs }, change);
    const result = this.injector.start(request, this.nowMs);
    this.#work();
    return result;
  }

  slot(): number {
    const client = this.#address(0);
    const server = this.#address(1);
    return this.table.find(client[0]!, client[1]!, client[2]!, client[3]!, server[0]!, server[1]!, server[2]!, server[3]!, CLIENT_PORT, SERVER_PORT);
  }

  /** The injector does what is due, and what it wrote leaves. */
  work(): void {
    this.#work();
  }

  spent(to: Side, kind: Forged["kind"]): number {
    return this.forged.filter((one) => one.to === to && one.kind === kind).length;
  }

  #pollEnds(): void {
    for (const side of [0, 1] as const) for (const segment of this.ends[side].poll(this.nowMs)) this.send(side, segment);
  }

  #arrive(to: Side, segment: Segment, delayMs: number): void {
    if (this.random() < this.options.loss) return;
    const late = this.random() < this.options.reorder ? this.random() * this.options.jitterMs : 0;
    this.at(delayMs + late, () => {
      for (const reply of this.ends[to].receive(segment, this.nowMs)) this.send(to, reply);
      for (const more of this.ends[to].poll(this.nowMs)) this.send(to, more);
    });
  }

  #see(waiting: Waiting): void {
    this.#packetOf(waiting.side, waiting.segment, waiting.interfaceIndex, waiting.direction, waiting.capturedMs);
    const packet = this.#packet;
    this.markNext?.(packet);
    if (this.options.blind(packet, packet.interfaceIndex)) return;
    if (this.injector.mark.isOwn(packet)) {
      this.injector.onOwn(packet, this.nowMs);
    } else {
      const slot = this.tracker.update(packet);
      if (slot >= 0 && (packet.flags & (TcpFlag.Syn | TcpFlag.Ack)) === TcpFlag.Syn) this.injector.onSyn(packet, slot, this.nowMs);
      this.injector.onPacket(packet, slot, this.tracker.side, this.tracker.event, this.nowMs);
      this.onSeen(packet, slot);
    }
  }

  #work(): void {
    this.#wakeMs = this.injector.tick(this.nowMs);
    this.#send();
  }

  #send(): void {
    for (let round = 0; round < 3 && this.outbox.count > 0; round++) {
      for (let place = 0; place < this.outbox.count; place++) {
        this.outbox.error[place] = this.errorOf(this.outbox.route[place]!);
        if (this.outbox.error[place] === 0) this.#leave(place);
      }
      this.injector.afterSend(this.nowMs);
    }
  }

  /** One forged packet, read back by decode with its checksums verified, on its way to its end. */
  #leave(place: number): void {
    const { outbox } = this;
    const frame = this.#frame;
    const packet = this.#forgedPacket;
    const route = outbox.route[place]!;
    frame.bytes = outbox.bytes;
    frame.offset = place * SLOT_BYTES;
    frame.capturedLength = frame.wireLength = outbox.length[place]!;
    frame.linkType = route === Route.Frame ? LinkType.Ethernet : LinkType.Raw;
    frame.interfaceIndex = outbox.interfaceIndex[place]!;
    const reason = decode(frame, packet, this.#context);
    if (reason !== 0) throw new Error(`Forged packet does not decode: ${reason}`);
    if (!this.injector.mark.isOwn(packet)) throw new Error("Forged packet has no mark");
    const to: Side = packet.destinationPort === CLIENT_PORT ? 0 : 1;
    const kind = packet.flags === TcpFlag.Rst ? "RST" : packet.flags === TcpFlag.Syn ? "SYN" : packet.flags === TcpFlag.Ack ? "probe" : "RST|ACK";
    const { sequence, acknowledgement, flags } = packet;
    this.forged.push({ atMs: this.nowMs, to, kind, sequence, acknowledgement, route, interfaceIndex: frame.interfaceIndex });
    this.#arrive(to, { sequence, acknowledgement, flags, length: packet.payloadLength }, this.options.delayMs[to]);
  }

  #packetOf(side: Side, segment: Segment, interfaceIndex: number, direction: number, capturedMs: number): void {
    const spec = this.#spec;
    const from = this.#address(side);
    const to = this.#address((1 - side) as Side);
    spec.ipVersion = this.options.ipVersion;
    spec.macs0 = 0x02000000;
    spec.macs1 = ((interfaceIndex & 0xffff) << 16) | 0x0200;
    spec.macs2 = 0xff00 | interfaceIndex;
    [spec.source0, spec.source1, spec.source2, spec.source3] = from as unknown as [number, number, number, number];
    [spec.destination0, spec.destination1, spec.destination2, spec.destination3] = to as unknown as [number, number, number, number];
    spec.sourcePort = side === 0 ? CLIENT_PORT : SERVER_PORT;
    spec.destinationPort = side === 0 ? SERVER_PORT : CLIENT_PORT;
    spec.sequence = segment.sequence;
    spec.acknowledgement = segment.acknowledgement;
    spec.flags = segment.flags;
    spec.window = 0xffff;
    spec.ipId = 0x1111;
    spec.payload = this.#wire.subarray(0, 0);
    const length = buildSegment(this.#wire, 0, spec);
    const frame = this.#frame;
    frame.bytes = this.#wire;
    frame.offset = 0;
    frame.capturedLength = frame.wireLength = length;
    frame.linkType = LinkType.Ethernet;
    frame.interfaceIndex = interfaceIndex;
    frame.direction = direction;
    frame.timestampMs = capturedMs;
    decode(frame, this.#packet, this.#context);
    // The payload is a number here: nobody reads its bytes.
    this.#packet.payloadLength = segment.length;
    if ((segment.flags & TcpFlag.Syn) !== 0) Object.assign(this.#packet, { sackPermitted: this.options.sack, windowScale: 0 });
    this.#packet.wireLength += segment.length;
  }

  #address(side: Side): Int32Array {
    return (this.options.ipVersion === 4 ? [CLIENT_IPV4, SERVER_IPV4] : [CLIENT_IPV6, SERVER_IPV6])[side]!;
  }

  #isAddress(side: Side, word0: number, word1: number, word2: number, word3: number): boolean {
    const address = this.#address(side);
    return address[0] === word0 && address[1] === word1 && address[2] === word2 && address[3] === word3;
  }
}

const CLIENT_IPV4 = parseAddress("10.244.1.7")!;
const SERVER_IPV4 = parseAddress("10.244.2.9")!;
const CLIENT_IPV6 = parseAddress("fd00:1::7")!;
const SERVER_IPV6 = parseAddress("fd00:2::9")!;
