/**
 * Which subflows are one Multipath TCP connection (RFC 8684). A connection lives on while any subflow does, so its
 * kill means all of them, and every later MP_JOIN. An MP_JOIN names the connection by a token: the first 32 bits of
 * the hash of the receiver's key, which the MP_CAPABLE handshake shows in the clear.
 */
import { hash } from "node:crypto";
import { TcpFlag } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import type { FlowTable } from "../flow/mod.ts";

const MP_CAPABLE = 0;
const MP_JOIN = 1;
const OPTION_KIND = 30;
const TCP_HEADER_BYTES = 20;
const KEY_BYTES = 8;
const MAX_SUBFLOWS = 8;

/** One connection: its tokens, its subflows, and until when it is condemned. */
interface Connection {
  readonly tokens: number[];
  readonly slots: number[];
  readonly generations: number[];
  condemnedUntilMs: number;
  policy: number;
  rule: number;
  origin: number;
}

export class MptcpConnections {
  readonly #table: FlowTable;
  readonly #limit: number;
  readonly #byToken = new Map<number, Connection>();
  readonly #bySlot = new Map<number, Connection>();
  /** Oldest first: at the limit it goes. */
  readonly #all = new Set<Connection>();
  /** Connections forgotten for a newer one. */
  forgotten = 0;

  constructor(table: FlowTable, limit: number) {
    this.#table = table;
    this.#limit = limit;
  }

  get size(): number {
    return this.#all.size;
  }

  /** A packet with an MPTCP option: learns keys and subflows. */
  learn(packet: Packet, slot: number): void {
    if (slot < 0) return;
    if (packet.mptcpSubtype === MP_JOIN && (packet.flags & TcpFlag.Syn) !== 0 && (packet.flags & TcpFlag.Ack) === 0) {
      this.#add(this.#byToken.get(packet.mptcpToken) ?? this.#create(packet.mptcpToken), slot);
    } else if (packet.mptcpSubtype === MP_CAPABLE && (packet.flags & TcpFlag.Ack) !== 0) {
      this.#learnKeys(packet, slot);
    }
  }

  /** The connection that this subflow belongs to. */
  of(slot: number): Connection | undefined {
    const connection = this.#bySlot.get(slot);
    if (connection === undefined) return undefined;
    const place = connection.slots.indexOf(slot);
    return place >= 0 && this.#table.isAlive(slot, connection.generations[place]) ? connection : undefined;
  }

  /** The connection that an MP_JOIN names, if it is condemned. */
  condemnedBy(packet: Packet, nowMs: number): Connection | undefined {
    if (packet.mptcpSubtype !== MP_JOIN || (packet.flags & (TcpFlag.Syn | TcpFlag.Ack)) !== TcpFlag.Syn) return undefined;
    const connection = this.#byToken.get(packet.mptcpToken);
    return connection !== undefined && connection.condemnedUntilMs > nowMs ? connection : undefined;
  }

  /** Every subflow that still is what it was. */
  forEachSubflow(connection: Connection, visit: (slot: number) => void): void {
    for (let place = 0; place < connection.slots.length; place++) {
      if (this.#table.isAlive(connection.slots[place], connection.generations[place])) visit(connection.slots[place]);
    }
  }

  #learnKeys(packet: Packet, slot: number): void {
    const { bytes } = packet;
    const end = Math.min(packet.payloadOffset, bytes.length);
    let at = packet.transportOffset + TCP_HEADER_BYTES;
    while (at + 1 < end && bytes[at] !== 0) {
      const length = bytes[at] === 1 ? 1 : bytes[at + 1];
      if (length < 1 || at + length > end) return;
      if (bytes[at] === OPTION_KIND) {
        const version = bytes[at + 2] & 0x0f;
        for (let key = at + 4; key + KEY_BYTES <= at + length && key < at + 20; key += KEY_BYTES) this.#learnKey(bytes, key, version, slot);
        return;
      }
      at += length;
    }
  }

  #learnKey(bytes: Uint8Array, at: number, version: number, slot: number): void {
    // Version 0 (RFC 6824) hashed with SHA-1.
    const digest = hash(version === 0 ? "sha1" : "sha256", bytes.subarray(at, at + KEY_BYTES), "buffer");
    const token = digest.readInt32BE(0);
    const known = this.of(slot) ?? this.#byToken.get(token) ?? this.#create(token);
    if (!known.tokens.includes(token) && known.tokens.length < 2) {
      known.tokens.push(token);
      this.#byToken.set(token, known);
    }
    this.#add(known, slot);
  }

  #create(token: number): Connection {
    if (this.#all.size >= this.#limit) this.#forgetOldest();
    const connection: Connection = { tokens: [token], slots: [], generations: [], condemnedUntilMs: -Infinity, policy: -1, rule: -1, origin: -1 };
    this.#all.add(connection);
    this.#byToken.set(token, connection);
    return connection;
  }

  #add(connection: Connection, slot: number): void {
    const generation = this.#table.generation(slot);
    const place = connection.slots.indexOf(slot);
    if (place >= 0) {
      connection.generations[place] = generation;
    } else {
      if (connection.slots.length >= MAX_SUBFLOWS) this.#dropFirst(connection);
      connection.slots.push(slot);
      connection.generations.push(generation);
    }
    this.#bySlot.set(slot, connection);
  }

  #dropFirst(connection: Connection): void {
    connection.generations.shift();
    this.#unlink(connection, connection.slots.shift()!);
  }

  #forgetOldest(): void {
    const [oldest] = this.#all;
    if (oldest === undefined) return;
    this.#all.delete(oldest);
    for (const token of oldest.tokens) if (this.#byToken.get(token) === oldest) this.#byToken.delete(token);
    for (const slot of oldest.slots) this.#unlink(oldest, slot);
    this.forgotten++;
  }

  #unlink(connection: Connection, slot: number): void {
    if (this.#bySlot.get(slot) === connection) this.#bySlot.delete(slot);
  }
}
