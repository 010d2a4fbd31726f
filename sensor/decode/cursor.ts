/**
 * Where the walk stands between two headers. One object in a DecodeContext, reused: a parser reads its header at
 * `offset`, moves `offset` past it, narrows `end` and says what comes `next`.
 *
 * Invariant: offset <= end <= bytes.length and end <= wireEnd; no parser reads at or beyond `end`.
 */
import * as reasonModule from "./reason.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { DecodeReason } = reasonModule;

export class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  /** First byte of the next header. */
  offset = 0;
  /** One past the last byte present. */
  end = 0;
  /** One past the last byte that was on the wire: larger than `end` where the capture cut the packet. */
  wireEnd = 0;
  /** EtherType before the network layer, IP protocol after it. */
  next = 0;

  /** Transport checksums are verified up to this length in bytes; -1: not at all. */
  verifyUpToBytes = -1;
  verifyIpv4Header = true;
  /** Take a checksum that an offloading sender left unfilled (the bare pseudo-header sum, or 0 in IPv4) as right. */
  acceptUnfilled = false;
  /** A datagram longer than this may be one that the kernel merged, with a length field of zero. */
  superPacketBytes = 0;

  /** An AH header was taken off: the packet is authenticated. */
  authenticated = false;
  /** The datagram was put together from fragments, or a fragment header has been passed: no other may come. */
  rebuilt = false;

  // Set by the network parsers for a fragment: `offset` is then at its payload.
  fragmented = false;
  fragmentOffset = 0;
  moreFragments = false;
  fragmentId = 0;
}

/** Ok where `length` bytes are present; else `truncated`, or CaptureCutShort where the wire had them. */
export function need(cursor: Cursor, length: number, truncated: number): number {
  if (cursor.end - cursor.offset >= length) return DecodeReason.Ok;
  return cursor.wireEnd - cursor.offset >= length ? DecodeReason.CaptureCutShort : truncated;
}

/** Ends the packet after `length` bytes (padding falls away); false where not even the wire had so many. */
export function narrow(cursor: Cursor, length: number): boolean {
  const end = cursor.offset + length;
  if (end > cursor.wireEnd) return false;
  cursor.wireEnd = end;
  if (end < cursor.end) cursor.end = end;
  return true;
}
