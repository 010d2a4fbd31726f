/** GRE version 0 (RFC 2784) with key and sequence number (RFC 2890). */
import { read16, read32, write16, write32 } from "./bigEndian.ts";
import { adds, finish, sum } from "./checksum.ts";
import { type Cursor, need } from "./cursor.ts";
import type { Packet } from "./packet.ts";
import { DecodeReason } from "./reason.ts";

const CHECKSUM_PRESENT = 0x8000;
const ROUTING_PRESENT = 0x4000;
const KEY_PRESENT = 0x2000;
const SEQUENCE_PRESENT = 0x1000;
const VERSION_MASK = 0x0007;
const FIXED_BYTES = 4;

/** The key becomes the tunnel identifier (a signed word); without one it is -1. */
export function parseGre(cursor: Cursor, packet: Packet): number {
  const bytes = cursor.bytes;
  const offset = cursor.offset;
  const short = need(cursor, FIXED_BYTES, DecodeReason.TruncatedGre);
  if (short !== DecodeReason.Ok) return short;
  const flags = read16(bytes, offset);
  if ((flags & (ROUTING_PRESENT | VERSION_MASK)) !== 0) return DecodeReason.BadGreFlags;
  let headerBytes = FIXED_BYTES;
  if ((flags & CHECKSUM_PRESENT) !== 0) headerBytes += 4;
  const keyOffset = offset + headerBytes;
  if ((flags & KEY_PRESENT) !== 0) headerBytes += 4;
  if ((flags & SEQUENCE_PRESENT) !== 0) headerBytes += 4;
  const cut = need(cursor, headerBytes, DecodeReason.TruncatedGre);
  if (cut !== DecodeReason.Ok) return cut;
  if ((flags & CHECKSUM_PRESENT) !== 0) {
    const length = cursor.end - offset;
    const isVerified = length <= cursor.verifyUpToBytes && cursor.end === cursor.wireEnd;
    if (isVerified && !adds(sum(bytes, offset, length, 0))) return DecodeReason.BadGreChecksum;
  }
  packet.tunnelId = (flags & KEY_PRESENT) !== 0 ? read32(bytes, keyOffset) : -1;
  cursor.next = read16(bytes, offset + 2);
  cursor.offset = offset + headerBytes;
  return DecodeReason.Ok;
}

/** -1 leaves the key or the sequence number out. */
export function greLength(key: number, sequence: number, withChecksum: boolean): number {
  return FIXED_BYTES + (withChecksum ? 4 : 0) + (key === -1 ? 0 : 4) + (sequence === -1 ? 0 : 4);
}

/** Writes the header and `payload`; returns the length of both. */
export function buildGre(
  out: Uint8Array,
  offset: number,
  etherType: number,
  key: number,
  sequence: number,
  withChecksum: boolean,
  payload: Uint8Array,
): number {
  const flags =
    (withChecksum ? CHECKSUM_PRESENT : 0) | (key === -1 ? 0 : KEY_PRESENT) | (sequence === -1 ? 0 : SEQUENCE_PRESENT);
  write16(out, offset, flags);
  write16(out, offset + 2, etherType);
  let position = offset + FIXED_BYTES;
  if (withChecksum) {
    write32(out, position, 0);
    position += 4;
  }
  if (key !== -1) {
    write32(out, position, key);
    position += 4;
  }
  if (sequence !== -1) {
    write32(out, position, sequence);
    position += 4;
  }
  out.set(payload, position);
  const length = position + payload.length - offset;
  if (withChecksum) write16(out, offset + FIXED_BYTES, finish(sum(out, offset, length, 0)));
  return length;
}
