/**
 * The chain of IPv6 extension headers (RFC 8200 section 4), as Linux walks it when it receives a packet: hop-by-hop
 * only first, unknown options obeyed by their upper bits, routing headers passed only when finished.
 */
import { read16, read32, write16, write32 } from "./bigEndian.ts";
import { type Cursor, narrow, need } from "./cursor.ts";
import * as reasonModule from "./reason.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { DecodeReason } = reasonModule;

export const ExtensionHeader = { HopByHop: 0, Routing: 43, Fragment: 44, Authentication: 51, Destination: 60 } as const;

/** Linux sets no bound but the packet's length; no real packet has as many. */
const MAX_EXTENSION_HEADERS = 10;

const FRAGMENT_HEADER_BYTES = 8;
const SEGMENTS_LEFT = 3;
const MORE_FRAGMENTS = 1;
const MAX_PAYLOAD_BYTES = 65_535;
/** RFC 2675. */
const JUMBO_OPTION = 0xc2;
const JUMBO_OPTION_BYTES = 6;
/** Linux (`ip6_parse_tlv`) takes more padding in a row for a covert channel. */
const MAX_PADDING_BYTES = 7;

/**
 * From behind the fixed header to the transport (or to the payload of a fragment, with `cursor.fragmented` set).
 * Authentication headers are left to the walk: IPv4 has them too.
 */
export function parseExtensions(cursor: Cursor, isFirst: boolean): number {
  const jumboPending = isFirst && cursor.next === ExtensionHeader.HopByHop && isPayloadLengthZero(cursor);
  let first = isFirst;
  for (let count = 0; isExtension(cursor.next); count++) {
    if (count === MAX_EXTENSION_HEADERS) return DecodeReason.ExtensionHeaderLoop;
    const short = need(cursor, 8, DecodeReason.TruncatedExtensionHeader);
    if (short !== DecodeReason.Ok) return short;
    if (cursor.next === ExtensionHeader.Fragment) {
      if (cursor.rebuilt) return DecodeReason.NestedFragment;
      cursor.rebuilt = true;
      if (parseFragmentHeader(cursor)) return DecodeReason.Ok;
      first = false;
      continue;
    }
    if (cursor.next === ExtensionHeader.HopByHop && !first) return DecodeReason.HopByHopMisplaced;
    const reason = parseExtension(cursor, first && jumboPending);
    if (reason !== DecodeReason.Ok) return reason;
    first = false;
  }
  return DecodeReason.Ok;
}

function isExtension(next: number): boolean {
  return (
    next === ExtensionHeader.HopByHop ||
    next === ExtensionHeader.Routing ||
    next === ExtensionHeader.Fragment ||
    next === ExtensionHeader.Destination
  );
}

/** The cursor stands right behind the fixed header. */
function isPayloadLengthZero(cursor: Cursor): boolean {
  return read16(cursor.bytes, cursor.offset - 36) === 0;
}

function parseExtension(cursor: Cursor, jumboPending: boolean): number {
  const bytes = cursor.bytes;
  const offset = cursor.offset;
  const headerBytes = (bytes[offset + 1]! + 1) << 3;
  const short = need(cursor, headerBytes, DecodeReason.TruncatedExtensionHeader);
  if (short !== DecodeReason.Ok) return short;
  if (cursor.next === ExtensionHeader.Routing) {
    if (bytes[offset + SEGMENTS_LEFT] !== 0) return DecodeReason.Ipv6RouteUnfinished;
  } else {
    const reason = parseOptions(cursor, headerBytes, jumboPending);
    if (reason !== DecodeReason.Ok) return reason;
  }
  cursor.next = bytes[offset]!;
  cursor.offset = offset + headerBytes;
  return DecodeReason.Ok;
}

/** Options of a hop-by-hop or destination header. `jumboPending`: one of them must be the jumbo payload length. */
function parseOptions(cursor: Cursor, headerBytes: number, jumboPending: boolean): number {
  const bytes = cursor.bytes;
  const end = cursor.offset + headerBytes;
  let position = cursor.offset + 2;
  let padding = 0;
  let jumboLength = 0;
  while (position < end) {
    const type = bytes[position]!;
    if (type === 0) {
      if (++padding > MAX_PADDING_BYTES) return DecodeReason.BadIpv6Option;
      position++;
      continue;
    }
    if (end - position < 2) return DecodeReason.BadIpv6Option;
    const optionBytes = bytes[position + 1]! + 2;
    if (optionBytes > end - position) return DecodeReason.BadIpv6Option;
    if (type === 1) {
      padding += optionBytes;
      if (padding > MAX_PADDING_BYTES || !isZero(bytes, position + 2, optionBytes - 2)) return DecodeReason.BadIpv6Option;
    } else {
      padding = 0;
      if (type === JUMBO_OPTION && cursor.next === ExtensionHeader.HopByHop) {
        // RFC 2675 section 3: not beside a payload length, not below 65,536, not with a fragment header.
        if (!jumboPending || optionBytes !== JUMBO_OPTION_BYTES) return DecodeReason.BadIpv6JumboLength;
        jumboLength = read32(bytes, position + 2) >>> 0;
        if (jumboLength <= MAX_PAYLOAD_BYTES) return DecodeReason.BadIpv6JumboLength;
      } else if (type >> 6 !== 0) {
        return DecodeReason.BadIpv6Option;
      }
    }
    position += optionBytes;
  }
  if (jumboPending && (jumboLength === 0 || !narrow(cursor, jumboLength))) return DecodeReason.BadIpv6JumboLength;
  return DecodeReason.Ok;
}

function isZero(bytes: Uint8Array, offset: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (bytes[offset + index] !== 0) return false;
  return true;
}

/** True for a real fragment; an atomic one (RFC 6946: all of the datagram) is a header like any other. */
function parseFragmentHeader(cursor: Cursor): boolean {
  const bytes = cursor.bytes;
  const offset = cursor.offset;
  const fragment = read16(bytes, offset + 2);
  cursor.fragmentOffset = fragment & 0xfff8;
  cursor.moreFragments = (fragment & MORE_FRAGMENTS) !== 0;
  cursor.fragmentId = read32(bytes, offset + 4);
  cursor.next = bytes[offset]!;
  cursor.offset = offset + FRAGMENT_HEADER_BYTES;
  cursor.fragmented = cursor.fragmentOffset !== 0 || cursor.moreFragments;
  return cursor.fragmented;
}

/** Writes a fragment header; returns its length. `fragmentOffset` is in bytes, a multiple of eight. */
export function buildFragmentHeader(
  out: Uint8Array,
  offset: number,
  nextHeader: number,
  fragmentOffset: number,
  moreFragments: boolean,
  id: number,
): number {
  out[offset] = nextHeader;
  out[offset + 1] = 0;
  write16(out, offset + 2, fragmentOffset | (moreFragments ? MORE_FRAGMENTS : 0));
  write32(out, offset + 4, id);
  return FRAGMENT_HEADER_BYTES;
}

/**
 * Writes a hop-by-hop, routing (finished) or destination header with `body` behind its two first bytes, padded with
 * zeroes (Pad1) to a multiple of eight; returns its length. For tests and the lab.
 */
export function buildExtension(out: Uint8Array, offset: number, nextHeader: number, body: Uint8Array): number {
  const headerBytes = (body.length + 2 + 7) & ~7;
  out.fill(0, offset, offset + headerBytes);
  out[offset] = nextHeader;
  out[offset + 1] = (headerBytes >> 3) - 1;
  out.set(body, offset + 2);
  return headerBytes;
}
