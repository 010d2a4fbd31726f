/**
 * ICMP "destination unreachable" (RFC 792, RFC 4443 section 3.1) about a TCP segment: what a firewall, a router, or
 * kube-proxy for a service without endpoints answers a SYN with. Other ICMP is left alone.
 *
 * The packet is turned so that it reads as an answer: from the endpoint that is said not to be reached to the one that
 * sent the segment, with the sequence number of the segment as acknowledgement.
 */
import { read16, read32 } from "./bigEndian.ts";
import { adds, sum, sumPseudoHeader } from "./checksum.ts";
import { type Cursor, need } from "./cursor.ts";
import { IPV4_HEADER_BYTES } from "./ipv4.ts";
import { IPV6_HEADER_BYTES } from "./ipv6.ts";
import { type Packet, Protocol } from "./packet.ts";
import { DecodeReason } from "./reason.ts";

const Offset = { Type: 0, Code: 1, Quote: 8 } as const;
const Quoted4 = { VersionLength: 0, Fragment: 6, Protocol: 9, Source: 12, Destination: 16 } as const;
const Quoted6 = { Version: 0, NextHeader: 6, Source: 8, Destination: 24 } as const;
const QuotedTcp = { SourcePort: 0, DestinationPort: 2, Sequence: 4 } as const;

const UNREACHABLE_4 = 3;
const UNREACHABLE_6 = 1;
/** No refusal: the sender is to send smaller packets (RFC 1191). */
const FRAGMENTATION_NEEDED = 4;
const FRAGMENT_OFFSET_MASK = 0x1fff;
/** RFC 792: so much of the segment is quoted at least, and Linux asks for no more. */
const QUOTED_TCP_BYTES = 8;

/** ICMP at the cursor into `packet`: NotTransport where it says nothing of a TCP segment. */
export function parseUnreachable(cursor: Cursor, packet: Packet): number {
  packet.protocol = cursor.next;
  const { bytes, offset } = cursor;
  const isIpv4 = packet.ipVersion === 4;
  if (cursor.next !== (isIpv4 ? Protocol.Icmp : Protocol.Icmp6)) return DecodeReason.NotTransport;
  const short = need(cursor, Offset.Quote, DecodeReason.TruncatedIcmp);
  if (short !== DecodeReason.Ok) return short;
  if (bytes[offset + Offset.Type] !== (isIpv4 ? UNREACHABLE_4 : UNREACHABLE_6)) return DecodeReason.NotTransport;
  if (isIpv4 && bytes[offset + Offset.Code] === FRAGMENTATION_NEEDED) return DecodeReason.NotTransport;
  if (!isIntact(cursor, packet, isIpv4)) return DecodeReason.BadIcmpChecksum;
  packet.transportOffset = offset;
  packet.payloadOffset = offset + Offset.Quote;
  packet.payloadLength = 0;
  packet.truncatedBytes = 0;
  packet.sequence = 0;
  packet.flags = 0;
  cursor.offset += Offset.Quote;
  const reason = isIpv4 ? parseQuoted4(cursor, packet) : parseQuoted6(cursor, packet);
  return reason === DecodeReason.Ok ? parseQuotedTcp(cursor, packet) : reason;
}

function isIntact(cursor: Cursor, packet: Packet, isIpv4: boolean): boolean {
  const { bytes, offset, end } = cursor;
  const length = end - offset;
  if (length > cursor.verifyUpToBytes || end !== cursor.wireEnd) return true;
  const pseudo = isIpv4 ? 0 : sumPseudoHeader(packet, Protocol.Icmp6, length);
  return adds(sum(bytes, offset, length, pseudo));
}

function parseQuoted4(cursor: Cursor, packet: Packet): number {
  const { bytes, offset } = cursor;
  const short = need(cursor, IPV4_HEADER_BYTES, DecodeReason.TruncatedIcmp);
  if (short !== DecodeReason.Ok) return short;
  const versionLength = bytes[offset + Quoted4.VersionLength]!;
  const headerBytes = (versionLength & 15) << 2;
  if (versionLength >> 4 !== 4 || headerBytes < IPV4_HEADER_BYTES) return DecodeReason.BadIcmpQuote;
  if (bytes[offset + Quoted4.Protocol] !== Protocol.Tcp) return DecodeReason.NotTransport;
  if ((read16(bytes, offset + Quoted4.Fragment) & FRAGMENT_OFFSET_MASK) !== 0) return DecodeReason.NotTransport;
  if (read32(bytes, offset + Quoted4.Source) !== packet.destination3) return DecodeReason.BadIcmpQuote;
  packet.source3 = read32(bytes, offset + Quoted4.Destination);
  cursor.offset += headerBytes;
  return DecodeReason.Ok;
}

function parseQuoted6(cursor: Cursor, packet: Packet): number {
  const { bytes, offset } = cursor;
  const short = need(cursor, IPV6_HEADER_BYTES, DecodeReason.TruncatedIcmp);
  if (short !== DecodeReason.Ok) return short;
  if (bytes[offset + Quoted6.Version]! >> 4 !== 6) return DecodeReason.BadIcmpQuote;
  // Behind extension headers it is left unread: nobody opens a connection with them.
  if (bytes[offset + Quoted6.NextHeader] !== Protocol.Tcp) return DecodeReason.NotTransport;
  const source = offset + Quoted6.Source;
  if (
    read32(bytes, source) !== packet.destination0 || read32(bytes, source + 4) !== packet.destination1 ||
    read32(bytes, source + 8) !== packet.destination2 || read32(bytes, source + 12) !== packet.destination3
  ) {
    return DecodeReason.BadIcmpQuote;
  }
  const destination = offset + Quoted6.Destination;
  packet.source0 = read32(bytes, destination);
  packet.source1 = read32(bytes, destination + 4);
  packet.source2 = read32(bytes, destination + 8);
  packet.source3 = read32(bytes, destination + 12);
  cursor.offset += IPV6_HEADER_BYTES;
  return DecodeReason.Ok;
}

function parseQuotedTcp(cursor: Cursor, packet: Packet): number {
  const { bytes, offset } = cursor;
  const short = need(cursor, QUOTED_TCP_BYTES, DecodeReason.TruncatedIcmp);
  if (short !== DecodeReason.Ok) return short;
  packet.sourcePort = read16(bytes, offset + QuotedTcp.DestinationPort);
  packet.destinationPort = read16(bytes, offset + QuotedTcp.SourcePort);
  packet.acknowledgement = read32(bytes, offset + QuotedTcp.Sequence);
  return DecodeReason.Ok;
}
