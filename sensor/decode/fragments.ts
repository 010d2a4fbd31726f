/**
 * Puts IPv4 and IPv6 datagrams together from fragments, with the rules of Linux (`ip_frag_queue`, `ip6_frag_queue`;
 * RFC 815, RFC 8200 section 4.5, RFC 5722): a duplicate is ignored, any partial overlap drops the whole datagram. Where
 * Linux stops taking fragments when its memory is full, the oldest datagram is given up here, so that nobody can blind
 * the sensor for half a minute with a few unfinished ones.
 *
 * Invariant: a datagram that comes out holds every byte once; memory is bounded by MAX_DATAGRAMS and FRAGMENT_BYTES.
 */
import { write16, write32 } from "./bigEndian.ts";
import { finish, sum } from "./checksum.ts";
import type { Cursor } from "./cursor.ts";
import { FragmentArena } from "./fragmentArena.ts";
import { Coverage, FragmentCoverage } from "./fragmentCoverage.ts";
import { FragmentTable, MAX_DATAGRAMS } from "./fragmentTable.ts";
import { ETHERNET_HEADER_BYTES, EtherType } from "./link.ts";
import { type Packet, Protocol } from "./packet.ts";
import { DecodeReason } from "./reason.ts";

/** `net.ipv4.ipfrag_time`. */
export const IPV4_TIMEOUT_MS = 30_000;
/** `net.ipv6.ip6frag_time`. */
export const IPV6_TIMEOUT_MS = 60_000;

const MAX_LENGTH = 65_535;
const IPV6_FIXED_BYTES = 40;
const IPV4_FIXED_BYTES = 20;
const FRAGMENT_HEADER_BYTES = 8;
/** ECN code point: one fragment with it marks the datagram. */
const CONGESTION_EXPERIENCED = 3;
const FIRST_SEEN = 1;
const LAST_SEEN = 2;
const COMPLETE = FIRST_SEEN | LAST_SEEN;

export class FragmentBuffers {
  readonly table: FragmentTable;
  readonly #arena = new FragmentArena();
  readonly #coverage = new FragmentCoverage();
  readonly #reasons: Float64Array;
  /** The datagram put together last: Ethernet header, IP header, payload. */
  readonly #whole = new Uint8Array(ETHERNET_HEADER_BYTES + IPV6_FIXED_BYTES + MAX_LENGTH);
  readonly #deadlineMs = new Float64Array(MAX_DATAGRAMS);
  /** Of each datagram: FIRST_SEEN and LAST_SEEN; its length as far as known; bytes there; ECN code points as bits. */
  readonly #seen = new Uint8Array(MAX_DATAGRAMS);
  readonly #length = new Int32Array(MAX_DATAGRAMS);
  readonly #present = new Int32Array(MAX_DATAGRAMS);
  readonly #ecn = new Uint8Array(MAX_DATAGRAMS);
  /** From the first fragment: TTL, TOS, protocol, flow label, bytes of header that count against MAX_LENGTH. */
  readonly #ttl = new Uint8Array(MAX_DATAGRAMS);
  readonly #typeOfService = new Uint8Array(MAX_DATAGRAMS);
  readonly #protocol = new Uint8Array(MAX_DATAGRAMS);
  readonly #flowLabel = new Int32Array(MAX_DATAGRAMS);
  readonly #overhead = new Int32Array(MAX_DATAGRAMS);

  /** Counts into `reasons` (by DecodeReason) what is given up without a packet to blame. */
  constructor(reasons: Float64Array, seed: number) {
    this.#reasons = reasons;
    this.table = new FragmentTable(seed);
  }

  /** Bytes held for unfinished datagrams. */
  get heldBytes(): number {
    return this.#arena.used * 1024;
  }

  /** The fragment at the cursor. Ok: it was the last missing, the cursor is at the IP header of the whole datagram. */
  insert(packet: Packet, cursor: Cursor): number {
    if (cursor.end !== cursor.wireEnd) return DecodeReason.FragmentCutShort;
    const isIpv6 = packet.ipVersion === 6;
    const first = cursor.fragmentOffset;
    let end = first + cursor.end - cursor.offset;
    if (isIpv6) {
      const reason = checkIpv6(cursor, first, end);
      if (reason !== DecodeReason.Ok) return reason;
    } else if (cursor.moreFragments) {
      end &= ~7;
    }
    const entry = this.#findOrCreate(packet, cursor);
    if (!this.#setEnd(entry, end, cursor.moreFragments)) return this.#drop(entry, DecodeReason.FragmentEndConflict);
    if (end === first) return this.#drop(entry, DecodeReason.BadFragmentLength);
    // The length that was just noted keeps the datagram from ever being finished, as it does in Linux.
    if (end > MAX_LENGTH) return DecodeReason.FragmentTooLong;
    const coverage = this.#coverage.add(entry, first, end);
    if (coverage === Coverage.Duplicate) return DecodeReason.FragmentDuplicate;
    if (coverage === Coverage.Overlap) return this.#drop(entry, DecodeReason.FragmentOverlap);
    if (!this.#reserve(entry, first, end)) return this.#drop(entry, DecodeReason.FragmentRefused);
    this.#arena.write(entry, first, end - first, cursor.bytes, cursor.offset);
    this.#present[entry]! += end - first;
    this.#ecn[entry]! |= 1 << (packet.typeOfService & 3);
    if (first === 0) this.#noteFirst(entry, packet, cursor);
    const isComplete = this.#seen[entry] === COMPLETE && this.#present[entry] === this.#length[entry];
    return isComplete ? this.#finish(entry, packet, cursor) : DecodeReason.FragmentHeld;
  }

  #findOrCreate(packet: Packet, cursor: Cursor): number {
    const nowMs = packet.timestampMs;
    let entry = this.table.find(packet, cursor);
    if (entry !== -1) {
      if (nowMs < this.#deadlineMs[entry]!) return entry;
      this.#giveUp(entry, DecodeReason.FragmentTimeout);
    }
    const oldest = this.table.oldest;
    if (oldest !== -1 && nowMs >= this.#deadlineMs[oldest]!) this.#giveUp(oldest, DecodeReason.FragmentTimeout);
    if (this.table.count === MAX_DATAGRAMS) this.#giveUp(this.table.oldest, DecodeReason.FragmentEvicted);
    entry = this.table.create(packet, cursor);
    this.#deadlineMs[entry] = nowMs + (packet.ipVersion === 6 ? IPV6_TIMEOUT_MS : IPV4_TIMEOUT_MS);
    this.#seen[entry] = 0;
    this.#length[entry] = 0;
    this.#present[entry] = 0;
    this.#ecn[entry] = 0;
    return entry;
  }

  /** Notes where the datagram ends; false where that contradicts what is there. */
  #setEnd(entry: number, end: number, moreFragments: boolean): boolean {
    const isEndKnown = (this.#seen[entry]! & LAST_SEEN) !== 0;
    if (moreFragments) {
      if (end <= this.#length[entry]!) return true;
      if (isEndKnown) return false;
    } else {
      if (end < this.#length[entry]! || (isEndKnown && end !== this.#length[entry])) return false;
      this.#seen[entry]! |= LAST_SEEN;
    }
    this.#length[entry] = end;
    return true;
  }

  #reserve(entry: number, first: number, end: number): boolean {
    while (!this.#arena.reserve(entry, first, end)) {
      const oldest = this.table.oldest === entry ? this.table.younger(entry) : this.table.oldest;
      if (oldest === -1) return false;
      this.#giveUp(oldest, DecodeReason.FragmentEvicted);
    }
    return true;
  }

  #noteFirst(entry: number, packet: Packet, cursor: Cursor): void {
    this.#seen[entry]! |= FIRST_SEEN;
    this.#ttl[entry] = packet.ttl;
    this.#typeOfService[entry] = packet.typeOfService;
    this.#flowLabel[entry] = packet.flowLabel;
    this.#protocol[entry] = cursor.next;
    const headers = cursor.offset - packet.ipOffset;
    this.#overhead[entry] = packet.ipVersion === 6 ? headers - IPV6_FIXED_BYTES - FRAGMENT_HEADER_BYTES : headers;
  }

  #finish(entry: number, packet: Packet, cursor: Cursor): number {
    const length = this.#length[entry]!;
    if (this.#overhead[entry]! + length > MAX_LENGTH) return this.#drop(entry, DecodeReason.FragmentTooLong);
    const ecn = this.#ecn[entry]!;
    // RFC 3168 section 5.3: "not ECN-capable" goes with nothing else.
    if ((ecn & 1) !== 0 && ecn !== 1) return this.#drop(entry, DecodeReason.FragmentEcnConflict);
    if ((ecn & (1 << CONGESTION_EXPERIENCED)) !== 0) this.#typeOfService[entry]! |= CONGESTION_EXPERIENCED;
    const out = this.#whole;
    if (packet.ethernetOffset !== -1) {
      for (let index = 0; index < ETHERNET_HEADER_BYTES; index++) out[index] = packet.bytes[packet.ethernetOffset + index]!;
      packet.ethernetOffset = 0;
    }
    const header = ETHERNET_HEADER_BYTES;
    const payload =
      header + (packet.ipVersion === 6 ? this.#writeIpv6(entry, packet, length) : this.#writeIpv4(entry, packet, length));
    this.#arena.copy(entry, length, out, payload);
    packet.bytes = out;
    packet.reassembled = true;
    cursor.bytes = out;
    cursor.offset = header;
    cursor.end = payload + length;
    cursor.wireEnd = cursor.end;
    cursor.next = packet.ipVersion === 6 ? EtherType.Ipv6 : EtherType.Ipv4;
    cursor.rebuilt = true;
    this.#remove(entry);
    return DecodeReason.Ok;
  }

  /** A header without options: what they said was judged fragment by fragment. */
  #writeIpv4(entry: number, packet: Packet, length: number): number {
    const out = this.#whole;
    const header = ETHERNET_HEADER_BYTES;
    out[header] = 0x45;
    out[header + 1] = this.#typeOfService[entry]!;
    write16(out, header + 2, IPV4_FIXED_BYTES + length);
    write16(out, header + 4, packet.ipId);
    write16(out, header + 6, 0);
    out[header + 8] = this.#ttl[entry]!;
    out[header + 9] = this.#protocol[entry]!;
    write16(out, header + 10, 0);
    write32(out, header + 12, packet.source3);
    write32(out, header + 16, packet.destination3);
    write16(out, header + 10, finish(sum(out, header, IPV4_FIXED_BYTES, 0)));
    return IPV4_FIXED_BYTES;
  }

  #writeIpv6(entry: number, packet: Packet, length: number): number {
    const out = this.#whole;
    const header = ETHERNET_HEADER_BYTES;
    write32(out, header, (6 << 28) | (this.#typeOfService[entry]! << 20) | this.#flowLabel[entry]!);
    write16(out, header + 4, length);
    out[header + 6] = this.#protocol[entry]!;
    out[header + 7] = this.#ttl[entry]!;
    write32(out, header + 8, packet.source0);
    write32(out, header + 12, packet.source1);
    write32(out, header + 16, packet.source2);
    write32(out, header + 20, packet.source3);
    write32(out, header + 24, packet.destination0);
    write32(out, header + 28, packet.destination1);
    write32(out, header + 32, packet.destination2);
    write32(out, header + 36, packet.destination3);
    return IPV6_FIXED_BYTES;
  }

  #drop(entry: number, reason: number): number {
    this.#remove(entry);
    return reason;
  }

  #giveUp(entry: number, reason: number): void {
    this.#reasons[reason]! += 1;
    this.#remove(entry);
  }

  #remove(entry: number): void {
    this.#arena.release(entry);
    this.#coverage.clear(entry);
    this.table.remove(entry);
  }
}

/** What makes Linux drop the one fragment and keep the datagram. */
function checkIpv6(cursor: Cursor, first: number, end: number): number {
  if (end > MAX_LENGTH) return DecodeReason.FragmentTooLong;
  if (cursor.moreFragments && (end & 7) !== 0) return DecodeReason.BadFragmentLength;
  // RFC 8200 section 4.5: the first fragment holds all headers through the transport's.
  const needed = first > 0 ? 0 : cursor.next === Protocol.Tcp ? 20 : cursor.next === Protocol.Udp ? 8 : 0;
  return end - first < needed && end > first ? DecodeReason.BadFragmentLength : DecodeReason.Ok;
}
