/** The IP authentication header (RFC 4302): taken off; it leaves the payload clear and a forged RST refused. */
import { write32 } from "./bigEndian.ts";
import { type Cursor, need } from "./cursor.ts";
import { DecodeReason } from "./reason.ts";

const FIXED_BYTES = 12;

export function parseAuthentication(cursor: Cursor): number {
  const short = need(cursor, FIXED_BYTES, DecodeReason.TruncatedAuthentication);
  if (short !== DecodeReason.Ok) return short;
  // The length is in words, less two.
  const headerBytes = (cursor.bytes[cursor.offset + 1]! + 2) << 2;
  if (headerBytes < FIXED_BYTES) return DecodeReason.TruncatedAuthentication;
  const cut = need(cursor, headerBytes, DecodeReason.TruncatedAuthentication);
  if (cut !== DecodeReason.Ok) return cut;
  cursor.authenticated = true;
  cursor.next = cursor.bytes[cursor.offset]!;
  cursor.offset += headerBytes;
  return DecodeReason.Ok;
}

/** Writes a header with `icvBytes` (a multiple of four) of zero integrity check; returns its length. */
export function buildAuthentication(
  out: Uint8Array,
  offset: number,
  nextHeader: number,
  spi: number,
  sequence: number,
  icvBytes: number,
): number {
  const headerBytes = FIXED_BYTES + icvBytes;
  out.fill(0, offset, offset + headerBytes);
  out[offset] = nextHeader;
  out[offset + 1] = (headerBytes >> 2) - 2;
  write32(out, offset + 4, spi);
  write32(out, offset + 8, sequence);
  return headerBytes;
}
