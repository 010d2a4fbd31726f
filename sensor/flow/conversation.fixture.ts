/**
 * Conversations for tests: packets written as lines and played into a tracker that remembers all it said.
 *
 *   "> S 0 0"                 client to server: flags, sequence, acknowledgement (relative to the ISNs)
 *   "< SA 0 1"                server to client
 *   "> A 1 1 hello"           with payload; `_` stands for none
 *   "> A 1 1 hello win=10 ts=5 if=3 out"    fields by name; `out` is an outgoing frame
 */

import { Packet, PacketDirection, Protocol } from "../decode/mod.ts";
import { FlowEvent } from "./event.ts";
import type { FlowLimits } from "./limits.ts";
import { FlowFlag, FlowState } from "./record.ts";
import type { StreamSink } from "./stream.ts";
import { FlowTable } from "./table.ts";
import type { Homes } from "./taps.ts";
import { FlowTracker } from "./tracker.ts";

const FLAG_BITS: Record<string, number> = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32 };

export interface Endpoint {
  readonly words: readonly [number, number, number, number];
  readonly port: number;
}

export function ipv4(last: number, port: number): Endpoint {
  return { words: [0, 0, 0xffff, (0x0a000000 + last) | 0], port };
}

export const CLIENT = ipv4(1, 40_000);
export const SERVER = ipv4(2, 80);

/** A packet from `source` to `destination` with the given fields. */
export function segment(source: Endpoint, destination: Endpoint, fields: Partial<Packet>): Packet {
  const packet = new Packet();
  packet.protocol = Protocol.Tcp;
  packet.ipVersion = source.words[2] === 0xffff ? 4 : 6;
  [packet.source0, packet.source1, packet.source2, packet.source3] = source.words;
  [packet.destination0, packet.destination1, packet.destination2, packet.destination3] = destination.words;
  packet.sourcePort = source.port;
  packet.destinationPort = destination.port;
  packet.ttl = 64;
  packet.window = 65_535;
  packet.interfaceIndex = 1;
  packet.flags = 16;
  Object.assign(packet, fields);
  packet.sequence |= 0;
  packet.acknowledgement |= 0;
  return packet;
}

export interface ConversationOptions {
  readonly clientIsn?: number;
  readonly serverIsn?: number;
  readonly homes?: Homes;
  readonly limits?: Partial<FlowLimits>;
  readonly capacity?: number;
  readonly client?: Endpoint;
  readonly server?: Endpoint;
}

export class Conversation {
  readonly table: FlowTable;
  readonly tracker: FlowTracker;
  /** Bytes handed on by side, as text; `|` where bytes are missing. */
  readonly stream = ["", ""];
  readonly alternates: string[] = [];
  readonly evicted: number[] = [];
  /** Events of the last packet, and of all. */
  event = 0;
  events = 0;
  slot = -1;
  nowMs = 1_000_000;
  clientIsn: number;
  serverIsn: number;
  readonly client: Endpoint;
  readonly server: Endpoint;

  constructor(options: ConversationOptions = {}) {
    this.clientIsn = options.clientIsn ?? 1_000_000;
    this.serverIsn = options.serverIsn ?? 5_000_000;
    this.client = options.client ?? CLIENT;
    this.server = options.server ?? SERVER;
    this.table = new FlowTable({ capacity: options.capacity ?? 64, seed: 7 });
    const text = (bytes: Uint8Array, offset: number, length: number): string =>
      String.fromCharCode(...bytes.subarray(offset, offset + length));
    const stream: StreamSink = {
      onBytes: (_slot, side, bytes, offset, length) => {
        this.stream[side] += text(bytes, offset, length);
      },
      onAlternate: (_slot, _side, bytes, offset, length) => this.alternates.push(text(bytes, offset, length)),
      onGap: (_slot, side) => {
        this.stream[side] += "|";
      },
    };
    const limits = { reassemblyBytes: 1 << 20, segments: 4096, ...options.limits };
    const onEvict = (slot: number): void => void this.evicted.push(slot);
    this.tracker = new FlowTracker({
      table: this.table,
      stream,
      limits,
      onEvict,
      ...(options.homes === undefined ? {} : { homes: options.homes }),
    });
  }

  /** Plays the lines; see the head of the file. */
  play(...lines: string[]): this {
    for (const line of lines) this.feed(this.parse(line));
    return this;
  }

  feed(packet: Packet): this {
    this.nowMs += 1;
    packet.timestampMs = this.nowMs;
    this.slot = this.tracker.update(packet);
    this.event = this.tracker.event;
    this.events |= this.event;
    return this;
  }

  /** The whole handshake, with window scale 7 on both sides. */
  handshake(extra = ""): this {
    return this.play(`> S 0 0 _ ws=7 ${extra}`, `< SA 0 1 _ ws=7 ${extra}`, `> A 1 1 _ ${extra}`);
  }

  parse(line: string): Packet {
    const [direction, flagText = "", sequence = "0", acknowledgement = "0", data = "_", ...rest] = line
      .trim()
      .split(/\s+/);
    const up = direction === ">";
    let flags = 0;
    for (const letter of flagText) flags |= FLAG_BITS[letter] ?? 0;
    const fields: Partial<Packet> = {
      flags,
      sequence: Number(sequence) + (up ? this.clientIsn : this.serverIsn),
      acknowledgement: (flags & 16) === 0 ? 0 : Number(acknowledgement) + (up ? this.serverIsn : this.clientIsn),
    };
    if (data !== "_") {
      fields.bytes = new TextEncoder().encode(data);
      fields.payloadLength = fields.bytes.length;
    }
    for (const word of rest) Object.assign(fields, this.field(word));
    return segment(up ? this.client : this.server, up ? this.server : this.client, fields);
  }

  /** Relative to the ISN; -1 where it is not known. */
  next(side: number): number {
    if (!this.table.hasFlag(this.slot, FlowFlag.Next0 << side)) return -1;
    const isn = side === 0 ? this.clientIsn : this.serverIsn;
    return (this.table.next(this.slot, side) - isn) | 0;
  }

  get state(): string {
    if (this.slot < 0) return "None";
    const state = this.table.state(this.slot);
    return Object.entries(FlowState).find(([, value]) => value === state)?.[0] ?? "?";
  }

  /** Names of the event bits of the last packet. */
  get eventNames(): string[] {
    return Object.entries(FlowEvent)
      .filter(([, bit]) => (this.event & bit) !== 0)
      .map(([name]) => name);
  }

  get flagNames(): string[] {
    return Object.entries(FlowFlag)
      .filter(([, bit]) => this.table.hasFlag(this.slot, bit))
      .map(([name]) => name);
  }

  private field(word: string): Partial<Packet> {
    const [name, value] = word.split("=");
    const number = Number(value);
    switch (name) {
      case "out":
        return { direction: PacketDirection.Outgoing };
      case "if":
        return { interfaceIndex: number };
      case "win":
        return { window: number };
      case "ws":
        return { windowScale: number };
      case "ts":
        return { timestampPresent: true, timestampValue: number };
      case "ttl":
        return { ttl: number };
      case "urg":
        return { urgentPointer: number };
      case "cut":
        return { truncatedBytes: number };
      case "sack":
        return value === undefined ? { sackPermitted: true } : { sackCount: 1, sackRightEdge: number };
      case "md5":
        return { authenticated: true };
      case "mptcp":
        return { mptcpSubtype: number };
      case "tfo":
        return { fastOpenLength: number };
      default:
        throw new Error(`Name a field of the packet: ${word}`);
    }
  }
}
