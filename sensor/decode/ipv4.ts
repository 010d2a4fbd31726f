/** IPv4 (RFC 791), accepted and refused as Linux does in `net/ipv4/ip_input.c`. */
import { read16, read32, write16, write32 } from "./bigEndian.ts";
import { adds, finish, sum } from "./checksum.ts";
import { type Cursor, narrow, need } from "./cursor.ts";
import { parseIpv4Options } from "./ipv4Options.ts";
import type { Packet } from "./packet.ts";
import * as reasonModule from "./reason.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { DecodeReason } = reasonModule;

const Offset = {
  VersionLength: 0,
  TypeOfService: 1,
  TotalLength: 2,
  Id: 4,
  Fragment: 6,
  Ttl: 8,
  Protocol: 9,
  Checksum: 10,
  Source: 12,
  Destination: 16,
} as const;

export const IPV4_HEADER_BYTES = 20;
/** The second-last word of an IPv4 address mapped into IPv6. */
export const MAPPED = 0xffff;

const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;

/** Header at the cursor into `packet`; leaves the cursor at the payload with its protocol in `next`. */
export function parseIpv4(cursor: Cursor, packet: Packet): number {
  const bytes = cursor.bytes;
  const offset = cursor.offset;
  const short = need(cursor, IPV4_HEADER_BYTES, DecodeReason.TruncatedIpv4);
  if (short !== DecodeReason.Ok) return short;
  const versionLength = bytes[offset]!;
  if (versionLength >> 4 !== 4) return DecodeReason.BadIpv4Version;
  const headerBytes = (versionLength & 15) << 2;
  if (headerBytes < IPV4_HEADER_BYTES) return DecodeReason.BadIpv4HeaderLength;
  const cut = need(cursor, headerBytes, DecodeReason.TruncatedIpv4);
  if (cut !== DecodeReason.Ok) return cut;
  if (cursor.verifyIpv4Header && !adds(sum(bytes, offset, headerBytes, 0)) && !isUnfilled(cursor)) {
    return DecodeReason.BadIpv4Checksum;
  }
  const totalLength = read16(bytes, offset + Offset.TotalLength);
  if (totalLength === 0) {
    // A super-packet of the kernel (BIG TCP) or of a card: only the frame knows. An ordinary packet has no such excuse.
    if (cursor.wireEnd - offset <= cursor.superPacketBytes) return DecodeReason.BadIpv4TotalLength;
  } else if (totalLength < headerBytes || !narrow(cursor, totalLength)) {
    return DecodeReason.BadIpv4TotalLength;
  }
  if (headerBytes > IPV4_HEADER_BYTES) {
    const options = parseIpv4Options(bytes, offset + IPV4_HEADER_BYTES, headerBytes - IPV4_HEADER_BYTES);
    if (options !== DecodeReason.Ok) return options;
  }
  packet.ipVersion = 4;
  packet.ipOffset = offset;
  packet.typeOfService = bytes[offset + Offset.TypeOfService]!;
  packet.ipId = read16(bytes, offset + Offset.Id);
  packet.flowLabel = 0;
  packet.ttl = bytes[offset + Offset.Ttl]!;
  packet.source0 = 0;
  packet.source1 = 0;
  packet.source2 = MAPPED;
  packet.source3 = read32(bytes, offset + Offset.Source);
  packet.destination0 = 0;
  packet.destination1 = 0;
  packet.destination2 = MAPPED;
  packet.destination3 = read32(bytes, offset + Offset.Destination);
  cursor.next = bytes[offset + Offset.Protocol]!;
  cursor.offset = offset + headerBytes;
  const fragment = read16(bytes, offset + Offset.Fragment) & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK);
  cursor.fragmented = fragment !== 0;
  if (fragment !== 0) {
    cursor.fragmentOffset = (fragment & FRAGMENT_OFFSET_MASK) << 3;
    cursor.moreFragments = (fragment & MORE_FRAGMENTS) !== 0;
    cursor.fragmentId = packet.ipId;
  }
  return DecodeReason.Ok;
}

function isUnfilled(cursor: Cursor): boolean {
  return cursor.acceptUnfilled && read16(cursor.bytes, cursor.offset + Offset.Checksum) === 0;
}

/** What `buildIpv4` writes; NetworkSpec has it. */
export interface Ipv4Fields {
  typeOfService: number;
  ipId: number;
  ttl: number;
  dontFragment: boolean;
  /** In bytes, a multiple of eight. */
  fragmentOffset: number;
  moreFragments: boolean;
  source3: number;
  destination3: number;
  /** Raw option bytes, a multiple of four. */
  ipOptions: Uint8Array;
}

/** Writes the header with its checksum before `payloadLength` bytes of payload; returns the header's length. */
export function buildIpv4(
  out: Uint8Array,
  offset: number,
  fields: Ipv4Fields,
  protocol: number,
  payloadLength: number,
): number {
  const optionBytes = fields.ipOptions.length;
  const headerBytes = IPV4_HEADER_BYTES + optionBytes;
  out[offset] = 0x40 | (headerBytes >> 2);
  out[offset + Offset.TypeOfService] = fields.typeOfService;
  write16(out, offset + Offset.TotalLength, headerBytes + payloadLength);
  write16(out, offset + Offset.Id, fields.ipId);
  const flags = (fields.dontFragment ? 0x4000 : 0) | (fields.moreFragments ? MORE_FRAGMENTS : 0);
  write16(out, offset + Offset.Fragment, flags | (fields.fragmentOffset >> 3));
  out[offset + Offset.Ttl] = fields.ttl;
  out[offset + Offset.Protocol] = protocol;
  write16(out, offset + Offset.Checksum, 0);
  write32(out, offset + Offset.Source, fields.source3);
  write32(out, offset + Offset.Destination, fields.destination3);
  for (let index = 0; index < optionBytes; index++) out[offset + IPV4_HEADER_BYTES + index] = fields.ipOptions[index]!;
  write16(out, offset + Offset.Checksum, finish(sum(out, offset, headerBytes, 0)));
  return headerBytes;
}
