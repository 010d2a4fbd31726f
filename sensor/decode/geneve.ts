/** Geneve (RFC 8926): a frame or a packet in UDP, options passed over. */
import { read16, read32, write16, write32 } from "./bigEndian.ts";
import { type Cursor, need } from "./cursor.ts";
import type { Packet } from "./packet.ts";
import { DecodeReason } from "./reason.ts";

export const GENEVE_PORT = 6081;
const GENEVE_HEADER_BYTES = 8;

const OPTION_WORDS_MASK = 0x3f;

export function parseGeneve(cursor: Cursor, packet: Packet): number {
  const offset = cursor.offset;
  const short = need(cursor, GENEVE_HEADER_BYTES, DecodeReason.TruncatedGeneve);
  if (short !== DecodeReason.Ok) return short;
  const first = cursor.bytes[offset]!;
  if (first >> 6 !== 0) return DecodeReason.BadGeneveVersion;
  const headerBytes = GENEVE_HEADER_BYTES + ((first & OPTION_WORDS_MASK) << 2);
  const cut = need(cursor, headerBytes, DecodeReason.TruncatedGeneve);
  if (cut !== DecodeReason.Ok) return cut;
  packet.tunnelId = read32(cursor.bytes, offset + 4) >>> 8;
  cursor.next = read16(cursor.bytes, offset + 2);
  cursor.offset = offset + headerBytes;
  return DecodeReason.Ok;
}

/** `options` is a multiple of four, 252 bytes at most. */
export function buildGeneve(
  out: Uint8Array,
  offset: number,
  vni: number,
  etherType: number,
  options: Uint8Array,
): number {
  out[offset] = options.length >> 2;
  out[offset + 1] = 0;
  write16(out, offset + 2, etherType);
  write32(out, offset + 4, vni << 8);
  out.set(options, offset + GENEVE_HEADER_BYTES);
  return GENEVE_HEADER_BYTES + options.length;
}
