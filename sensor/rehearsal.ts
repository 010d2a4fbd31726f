/**
 * Conversations of our own making for the warm-up, as varied as real ones: both IP versions, pods and a far server,
 * copies on both interfaces, options as Linux sends them, ordinary segments and super-packets, attacks that are
 * refused in the handshake or cut, ends that answer until they are dead and then prove it.
 */
import { Route } from "./inject/mod.ts";
import type { OutgoingPackets } from "./capture/mod.ts";
import { buildSegment, ChecksumState, decode, DecodeContext, Frame, LinkType, Packet, PacketDirection, SegmentSpec, TcpFlag, TcpOption } from "./decode/mod.ts";
import type { RestOfFrame } from "./decode/mod.ts";

/** What a rehearsal is played with. */
export interface Stage {
  visit(frame: Frame): void;
  turn(): number;
}

export const MARK = "flowreset warm-up mark";
export const REFUSED_PORT = 444;
const OPEN_PORT = 443;
const FIRST_PORT = 20_000;
/** Few, so that tables which are found by them stay small. */
const PORTS = 512;
const FIRST_NUMBERS = 64;
/** Interfaces of the rehearsal's node. */
export const Interface = { Client: 1, Server: 2, Uplink: 3 } as const;
/** Number of the server's address that is a pod's, and of the one beyond the uplink. */
export const Server = { Near: 1, Far: 2 } as const;
export const CLIENTS = 64;
/** Spends about half a second. A kill took 60 us after 400 of them and 10 after 1,600; rounds beyond change little. */
export const CONVERSATIONS = 1_600;
/** One in so many connections ends in order. */
const INNOCENT_EVERY = 16;
const FORGOTTEN_MS = 120_000;
export const ATTACKS = CONVERSATIONS - CONVERSATIONS / INNOCENT_EVERY;
const EXCHANGES = 2;
const ORDINARY_BYTES = 1_200;
const LONG_BYTES = 60_000;
/** Of a super-packet the ring hands over so much at first. */
const SNAPPED_BYTES = 1_900;
const TURNS_TO_PROOF = 3;
const MAPPED_PREFIX = 0xffff;
/** 192.0.2.0, 198.51.100.0 (RFC 5737) and 2001:db8::/32 (RFC 3849): nobody's. */
const CLIENT_NETWORK = 0xc0000200 | 0;
const SERVER_NETWORK = 0xc6336400 | 0;
const DOCUMENTATION_PREFIX = 0x20010db8;

const { Syn, Ack, Psh, Rst, Fin } = TcpFlag;
const EMPTY = new Uint8Array(0);
const TIMESTAMPS = Uint8Array.of(1, 1, TcpOption.Timestamps, 10, 0, 0, 0, 1, 0, 0, 0, 1);
const SYN_OPTIONS = Uint8Array.of(
  TcpOption.Mss, 4, 5, 0xb4, TcpOption.SackPermitted, 2, TcpOption.Timestamps, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, TcpOption.WindowScale, 3, 7,
);

type Side = 0 | 1;

/** One end: where it is seen, and what it would send next. */
class End {
  words: Int32Array = new Int32Array(4);
  interfaceIndex = 0;
  port = 0;
  next = 0;
  dead = false;
}

export function clientWords(number: number, ipVersion = 4): Int32Array {
  return addressWords(CLIENT_NETWORK, number % CLIENTS, ipVersion);
}

export function serverWords(number: number, ipVersion = 4): Int32Array {
  return addressWords(SERVER_NETWORK, number, ipVersion);
}

export class Rehearsal implements RestOfFrame {
  /** As large as a real clock's: V8 compiles for the numbers that it has seen. */
  nowMs = 1_800_000_000_000;
  readonly #ends: readonly [End, End] = [new End(), new End()];
  readonly #frame = new Frame();
  readonly #spec = new SegmentSpec();
  readonly #bytes = new Uint8Array(65_536);
  readonly #ordinary = filler(ORDINARY_BYTES, "");
  readonly #long = filler(LONG_BYTES, "");
  readonly #marked = filler(ORDINARY_BYTES, MARK);
  /** What the sensor has forged and nobody has met yet. */
  readonly #forged: { readonly bytes: Uint8Array; readonly route: number; readonly interfaceIndex: number }[] = [];
  readonly #packet = new Packet();
  readonly #context = new DecodeContext();
  #length = 0;
  #stage!: Stage;
  #number = 0;

  /** Plays the next conversation. The stage's packets must leave by this object, and its clock be `nowMs`. */
  play(stage: Stage): void {
    this.#stage = stage;
    this.#converse(this.#number++);
  }

  send(outbox: OutgoingPackets): number {
    const slotBytes = outbox.bytes.length / outbox.capacity;
    for (let i = 0; i < outbox.count; i++) {
      outbox.error[i] = 0;
      const bytes = outbox.bytes.slice(i * slotBytes, i * slotBytes + outbox.length[i]!);
      this.#forged.push({ bytes, route: outbox.route[i]!, interfaceIndex: outbox.interfaceIndex[i]! });
    }
    return outbox.count;
  }

  fetch(frame: Frame): void {
    frame.rest = null;
    frame.capturedLength = this.#length;
  }

  #converse(number: number): void {
    const isRefused = number % 8 === 7;
    const isInnocent = !isRefused && number % INNOCENT_EVERY === 1;
    const [client, server] = this.#open(number, isRefused ? REFUSED_PORT : OPEN_PORT);
    this.#segment(0, Syn, EMPTY, SYN_OPTIONS);
    if (!client.dead) {
      this.#segment(1, Syn | Ack, EMPTY, SYN_OPTIONS);
      this.#segment(0, Ack, EMPTY);
      for (let exchange = 0; exchange < EXCHANGES; exchange++) {
        this.#segment(0, Ack | Psh, exchange === 1 ? this.#long : this.#ordinary);
        this.#segment(1, Ack, EMPTY);
        this.#segment(1, Ack | Psh, this.#ordinary);
        this.#segment(0, Ack, EMPTY);
      }
      if (isInnocent) return this.#close();
      const attacker: Side = number % 5 === 4 ? 1 : 0;
      this.#segment(attacker, Ack | Psh, this.#marked);
      this.#segment(1 - attacker as Side, Ack, EMPTY);
      this.#segment(1 - attacker as Side, Ack | Psh, this.#ordinary);
    }
    this.#hearForged();
    for (let turn = 0; turn < TURNS_TO_PROOF; turn++) {
      this.nowMs += 3;
      this.#stage.turn();
      this.#hearForged();
    }
    client.dead = server.dead = true;
  }

  /** An orderly end, and the time after which such a connection is forgotten. */
  #close(): void {
    this.#segment(0, Fin | Ack, EMPTY);
    this.#segment(1, Ack, EMPTY);
    this.#segment(1, Fin | Ack, EMPTY);
    this.#segment(0, Ack, EMPTY);
    this.nowMs += FORGOTTEN_MS;
    this.#stage.turn();
  }

  #open(number: number, port: number): readonly [End, End] {
    const [client, server] = this.#ends;
    const ipVersion = number % 4 === 3 ? 6 : 4;
    const isFar = number % 3 === 0;
    client.words = clientWords(number, ipVersion);
    server.words = serverWords(isFar ? Server.Far : Server.Near, ipVersion);
    client.interfaceIndex = Interface.Client;
    server.interfaceIndex = isFar ? Interface.Uplink : Interface.Server;
    client.port = FIRST_PORT + (number % PORTS);
    server.port = port;
    client.next = Math.imul(number % FIRST_NUMBERS, 0x9e3779b1);
    server.next = Math.imul(number % FIRST_NUMBERS, 0x85ebca6b);
    client.dead = server.dead = false;
    this.#spec.ipVersion = ipVersion;
    return this.#ends;
  }

  /** One segment of that side, seen where it comes from and, a moment later, where it goes. */
  #segment(side: Side, flags: number, payload: Uint8Array, options = TIMESTAMPS): void {
    const from = this.#ends[side];
    const to = this.#ends[1 - side]!;
    if (from.dead) return;
    const spec = this.#spec;
    [spec.source0, spec.source1, spec.source2, spec.source3] = from.words as unknown as [number, number, number, number];
    [spec.destination0, spec.destination1, spec.destination2, spec.destination3] = to.words as unknown as [number, number, number, number];
    spec.sourcePort = from.port;
    spec.destinationPort = to.port;
    spec.sequence = from.next;
    spec.acknowledgement = (flags & Ack) === 0 ? 0 : to.next;
    spec.flags = flags;
    spec.window = 65_535;
    spec.options = options;
    spec.payload = payload;
    spec.macs0 = spec.macs1 = spec.macs2 = 0x0202_0202 + side;
    from.next = (from.next + payload.length + ((flags & (Syn | Fin)) !== 0 ? 1 : 0)) | 0;
    this.#length = buildSegment(this.#bytes, 0, spec);
    this.#see(from.interfaceIndex, PacketDirection.OtherHost);
    this.#see(to.interfaceIndex, PacketDirection.Outgoing);
  }

  #see(interfaceIndex: number, direction: number): void {
    const frame = this.#frame;
    frame.bytes = this.#bytes;
    frame.linkType = LinkType.Ethernet;
    frame.wireLength = this.#length;
    frame.capturedLength = this.#length > SNAPPED_BYTES ? SNAPPED_BYTES : this.#length;
    frame.rest = this.#length > SNAPPED_BYTES ? this : null;
    frame.interfaceIndex = interfaceIndex;
    frame.direction = direction;
    frame.checksum = interfaceIndex === Interface.Uplink ? ChecksumState.Unknown : ChecksumState.NotReady;
    frame.timestampMs = this.nowMs += 0.01;
    this.#stage.visit(frame);
  }

  /** Forged packets come by the sensor as they leave, and reach their ends; a dead end that is probed says so. */
  #hearForged(): void {
    for (let forged = this.#forged.shift(); forged !== undefined; forged = this.#forged.shift()) {
      const { bytes, route, interfaceIndex } = forged;
      const frame = this.#frame;
      frame.bytes = bytes;
      frame.capturedLength = frame.wireLength = bytes.length;
      frame.rest = null;
      frame.linkType = route === Route.Frame ? LinkType.Ethernet : LinkType.Raw;
      frame.interfaceIndex = route === Route.Frame ? interfaceIndex : Interface.Uplink;
      frame.direction = PacketDirection.Outgoing;
      frame.checksum = ChecksumState.Unknown;
      frame.timestampMs = this.nowMs += 0.01;
      this.#stage.visit(frame);
      frame.timestampMs = this.nowMs;
      decode(frame, this.#packet, this.#context);
      this.#reach(this.#packet);
    }
  }

  #reach({ destinationPort, flags, acknowledgement }: Packet): void {
    const side: Side = destinationPort === this.#ends[1].port ? 1 : 0;
    const end = this.#ends[side];
    if ((flags & Rst) !== 0) {
      end.dead = true;
    } else if (end.dead) {
      end.next = acknowledgement;
      end.dead = false;
      this.#segment(side, Rst, EMPTY, EMPTY);
      end.dead = true;
    }
  }
}

function addressWords(network: number, number: number, ipVersion: number): Int32Array {
  return ipVersion === 4 ? Int32Array.of(0, 0, MAPPED_PREFIX, network + number) : Int32Array.of(DOCUMENTATION_PREFIX, network, 0, number);
}

/** Text-like bytes with the mark at the end. */
function filler(length: number, mark: string): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = 0x20 + ((i * 31) % 95);
  bytes.set(new TextEncoder().encode(mark), length - mark.length);
  return bytes;
}
