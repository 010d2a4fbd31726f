/** The fixed IPv6 header (RFC 8200 section 3); the chain behind it is in `ipv6Extensions.ts`. */
import { read16, read32, write16, write32 } from "./bigEndian.ts";
import type { AddressPair } from "./checksum.ts";
import { type Cursor, narrow, need } from "./cursor.ts";
import * as ipv4Module from "./ipv4.ts";
import * as ipv6ExtensionsModule from "./ipv6Extensions.ts";
import type { Packet } from "./packet.ts";
import * as reasonModule from "./reason.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { MAPPED } = ipv4Module;
const { ExtensionHeader } = ipv6ExtensionsModule;
const { DecodeReason } = reasonModule;

const Offset = { PayloadLength: 4, NextHeader: 6, HopLimit: 7, Source: 8, Destination: 24 } as const;

export const IPV6_HEADER_BYTES = 40;

/** Header at the cursor into `packet`; leaves the cursor behind it with the next header in `next`. */
export function parseIpv6(cursor: Cursor, packet: Packet): number {
  const bytes = cursor.bytes;
  const offset = cursor.offset;
  const short = need(cursor, IPV6_HEADER_BYTES, DecodeReason.TruncatedIpv6);
  if (short !== DecodeReason.Ok) return short;
  const first = read32(bytes, offset);
  if (first >>> 28 !== 6) return DecodeReason.BadIpv6Version;
  packet.ipVersion = 6;
  packet.ipOffset = offset;
  packet.typeOfService = (first >> 20) & 0xff;
  packet.flowLabel = first & 0xfffff;
  packet.ipId = 0;
  packet.ttl = bytes[offset + Offset.HopLimit]!;
  packet.source0 = read32(bytes, offset + Offset.Source);
  packet.source1 = read32(bytes, offset + Offset.Source + 4);
  packet.source2 = read32(bytes, offset + Offset.Source + 8);
  packet.source3 = read32(bytes, offset + Offset.Source + 12);
  packet.destination0 = read32(bytes, offset + Offset.Destination);
  packet.destination1 = read32(bytes, offset + Offset.Destination + 4);
  packet.destination2 = read32(bytes, offset + Offset.Destination + 8);
  packet.destination3 = read32(bytes, offset + Offset.Destination + 12);
  if (
    (packet.source0 === 0 && packet.source1 === 0 && packet.source2 === MAPPED) ||
    (packet.destination0 === 0 && packet.destination1 === 0 && packet.destination2 === MAPPED)
  ) {
    return DecodeReason.Ipv6MappedAddress;
  }
  cursor.next = bytes[offset + Offset.NextHeader]!;
  cursor.offset = offset + IPV6_HEADER_BYTES;
  cursor.fragmented = false;
  const payloadLength = read16(bytes, offset + Offset.PayloadLength);
  if (payloadLength === 0) {
    // A jumbogram (its length is in the hop-by-hop header), or a super-packet of the kernel: only the frame knows.
    if (cursor.next === ExtensionHeader.HopByHop || cursor.wireEnd - offset > cursor.superPacketBytes) {
      return DecodeReason.Ok;
    }
  }
  return narrow(cursor, payloadLength) ? DecodeReason.Ok : DecodeReason.BadIpv6PayloadLength;
}

/** What `buildIpv6` writes; NetworkSpec has it. */
export interface Ipv6Fields extends AddressPair {
  typeOfService: number;
  flowLabel: number;
  ttl: number;
}

/** Writes the header before `payloadLength` bytes (extension headers included); returns its length. */
export function buildIpv6(
  out: Uint8Array,
  offset: number,
  fields: Ipv6Fields,
  nextHeader: number,
  payloadLength: number,
): number {
  write32(out, offset, (6 << 28) | ((fields.typeOfService & 0xff) << 20) | (fields.flowLabel & 0xfffff));
  write16(out, offset + Offset.PayloadLength, payloadLength);
  out[offset + Offset.NextHeader] = nextHeader;
  out[offset + Offset.HopLimit] = fields.ttl;
  write32(out, offset + Offset.Source, fields.source0);
  write32(out, offset + Offset.Source + 4, fields.source1);
  write32(out, offset + Offset.Source + 8, fields.source2);
  write32(out, offset + Offset.Source + 12, fields.source3);
  write32(out, offset + Offset.Destination, fields.destination0);
  write32(out, offset + Offset.Destination + 4, fields.destination1);
  write32(out, offset + Offset.Destination + 8, fields.destination2);
  write32(out, offset + Offset.Destination + 12, fields.destination3);
  return IPV6_HEADER_BYTES;
}
