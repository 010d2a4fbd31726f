/**
 * TCP options. Parsing never fails a segment: damage ends the list and what came before is kept, as in Linux
 * (`net/ipv4/tcp_input.c`, tcp_parse_options). An option whose length is not the right one is skipped.
 */
import { read16, read32, write16, write32 } from "./bigEndian.ts";
import type { Packet } from "./packet.ts";
import * as packetModule from "./packet.ts";
import { after } from "./seqnum.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { TcpFlag } = packetModule;

export const TcpOption = {
  End: 0,
  NoOperation: 1,
  Mss: 2,
  WindowScale: 3,
  SackPermitted: 4,
  Sack: 5,
  Timestamps: 8,
  Md5: 19,
  Ao: 29,
  Mptcp: 30,
  FastOpen: 34,
  Experimental: 254,
} as const;

/** RFC 7323 section 2.3: a larger shift counts as this. */
const MAX_WINDOW_SCALE = 14;

const FAST_OPEN_MAGIC = 0xf989;
const MP_JOIN = 1;
const MP_JOIN_SYN_BYTES = 12;
/** NOP, NOP, Timestamps, 10: what nearly every segment has. */
const ALIGNED_TIMESTAMPS = 0x0101080a;

/** `length` option bytes at `offset` into `packet`, whose flags are set already; false where the list is damaged. */
export function parseTcpOptions(bytes: Uint8Array, offset: number, length: number, packet: Packet): boolean {
  packet.mss = 0;
  packet.windowScale = -1;
  packet.sackPermitted = false;
  packet.timestampPresent = false;
  packet.sackCount = 0;
  packet.mptcpSubtype = -1;
  packet.authenticated = false;
  packet.fastOpenLength = -1;
  if (length === 0) return true;
  if (length === 12 && read32(bytes, offset) === ALIGNED_TIMESTAMPS) {
    packet.timestampPresent = true;
    packet.timestampValue = read32(bytes, offset + 4);
    packet.timestampEcho = read32(bytes, offset + 8);
    return true;
  }
  return parseList(bytes, offset, offset + length, packet);
}

function parseList(bytes: Uint8Array, start: number, end: number, packet: Packet): boolean {
  let position = start;
  while (position < end) {
    const kind = bytes[position]!;
    if (kind === TcpOption.End) return true;
    if (kind === TcpOption.NoOperation) {
      position++;
      continue;
    }
    if (end - position < 2) return false;
    const optionBytes = bytes[position + 1]!;
    if (optionBytes < 2 || optionBytes > end - position) return false;
    parseOption(bytes, position, optionBytes, kind, packet);
    position += optionBytes;
  }
  return true;
}

function parseOption(bytes: Uint8Array, offset: number, optionBytes: number, kind: number, packet: Packet): void {
  const isSyn = (packet.flags & TcpFlag.Syn) !== 0;
  switch (kind) {
    case TcpOption.Mss:
      if (optionBytes === 4 && isSyn) packet.mss = read16(bytes, offset + 2);
      return;
    case TcpOption.WindowScale:
      if (optionBytes === 3 && isSyn) packet.windowScale = Math.min(bytes[offset + 2]!, MAX_WINDOW_SCALE);
      return;
    case TcpOption.SackPermitted:
      if (optionBytes === 2 && isSyn) packet.sackPermitted = true;
      return;
    case TcpOption.Sack:
      if (optionBytes >= 10 && (optionBytes - 2) % 8 === 0) parseSack(bytes, offset + 2, (optionBytes - 2) >> 3, packet);
      return;
    case TcpOption.Timestamps:
      if (optionBytes !== 10) return;
      packet.timestampPresent = true;
      packet.timestampValue = read32(bytes, offset + 2);
      packet.timestampEcho = read32(bytes, offset + 6);
      return;
    case TcpOption.Md5:
      if (optionBytes === 18) packet.authenticated = true;
      return;
    case TcpOption.Ao:
      if (optionBytes >= 4) packet.authenticated = true;
      return;
    case TcpOption.Mptcp:
      if (optionBytes >= 3) parseMptcp(bytes, offset, optionBytes, isSyn, packet);
      return;
    case TcpOption.FastOpen:
      if (isSyn) packet.fastOpenLength = optionBytes - 2;
      return;
    case TcpOption.Experimental:
      if (isSyn && optionBytes >= 4 && read16(bytes, offset + 2) === FAST_OPEN_MAGIC) {
        packet.fastOpenLength = optionBytes - 4;
      }
  }
}

function parseSack(bytes: Uint8Array, offset: number, count: number, packet: Packet): void {
  let rightEdge = read32(bytes, offset + 4);
  for (let block = 1; block < count; block++) {
    const edge = read32(bytes, offset + block * 8 + 4);
    if (after(edge, rightEdge)) rightEdge = edge;
  }
  packet.sackCount = count;
  packet.sackRightEdge = rightEdge;
}

/** RFC 8684 section 3: the subtype is the high nibble; the SYN of an MP_JOIN carries the receiver's token. */
function parseMptcp(bytes: Uint8Array, offset: number, optionBytes: number, isSyn: boolean, packet: Packet): void {
  packet.mptcpSubtype = bytes[offset + 2]! >> 4;
  const isJoinSyn = packet.mptcpSubtype === MP_JOIN && isSyn && optionBytes === MP_JOIN_SYN_BYTES;
  packet.mptcpToken = isJoinSyn ? read32(bytes, offset + 4) : 0;
}

/** Option bytes under construction, for tests and the lab; `bytes.subarray(0, length)` goes into SegmentSpec.options. */
export class TcpOptionWriter {
  readonly bytes = new Uint8Array(40);
  length = 0;

  noOperation(): this {
    return this.#open(TcpOption.NoOperation, 1);
  }

  mss(value: number): this {
    this.#open(TcpOption.Mss, 4);
    write16(this.bytes, this.length - 2, value);
    return this;
  }

  windowScale(shift: number): this {
    this.#open(TcpOption.WindowScale, 3);
    this.bytes[this.length - 1] = shift;
    return this;
  }

  sackPermitted(): this {
    return this.#open(TcpOption.SackPermitted, 2);
  }

  /** `edges` are left, right, left, right, ... */
  sack(edges: readonly number[]): this {
    this.#open(TcpOption.Sack, 2 + edges.length * 4);
    const start = this.length - edges.length * 4;
    for (let index = 0; index < edges.length; index++) write32(this.bytes, start + index * 4, edges[index]!);
    return this;
  }

  timestamps(value: number, echo: number): this {
    this.#open(TcpOption.Timestamps, 10);
    write32(this.bytes, this.length - 8, value);
    write32(this.bytes, this.length - 4, echo);
    return this;
  }

  /** The MP_JOIN of a SYN, with the token of the connection that it joins. */
  mptcpJoin(token: number): this {
    return this.raw(TcpOption.Mptcp, MP_JOIN_SYN_BYTES, (MP_JOIN << 12) | 0, token);
  }

  /** Any option: `half` after its length, then `word`, each where there is room. */
  raw(kind: number, optionBytes: number, half = 0, word = 0): this {
    this.#open(kind, optionBytes);
    const start = this.length - optionBytes;
    if (optionBytes >= 3) this.bytes[start + 2] = half >> 8;
    if (optionBytes >= 4) this.bytes[start + 3] = half;
    if (optionBytes >= 8) write32(this.bytes, start + 4, word);
    return this;
  }

  finished(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  #open(kind: number, optionBytes: number): this {
    if (this.length + optionBytes > this.bytes.length) {
      throw new RangeError(`Cannot add TCP option ${kind}: 40 bytes at most, ${this.length} are taken`);
    }
    this.bytes[this.length] = kind;
    if (kind !== TcpOption.NoOperation) this.bytes[this.length + 1] = optionBytes;
    this.length += optionBytes;
    return this;
  }
}
