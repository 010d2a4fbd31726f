/**
 * The walk: link, network, tunnels, transport. Every turn of the loop takes off a network header; a turn more needs a
 * tunnel (MAX_TUNNELS) or a datagram just put together (once a network header), so it ends.
 */
import { parseAuthentication } from "./authentication.ts";
import type { DecodeContext } from "./context.ts";
import type { Cursor } from "./cursor.ts";
import { parseGeneve } from "./geneve.ts";
import * as geneveModule from "./geneve.ts";
import { parseGre } from "./gre.ts";
import { parseIpv4 } from "./ipv4.ts";
import { parseIpv6 } from "./ipv6.ts";
import { parseExtensions } from "./ipv6Extensions.ts";
import * as ipv6ExtensionsModule from "./ipv6Extensions.ts";
import { parseInnerEthernet, parseLink } from "./link.ts";
import * as linkModule from "./link.ts";
import type { Frame, Packet } from "./packet.ts";
import * as packetModule from "./packet.ts";
import * as reasonModule from "./reason.ts";
import { decodePlain } from "./plain.ts";
import { parseTcp } from "./tcp.ts";
import { parseTcpOptions } from "./tcpOptions.ts";
import { parseUdp } from "./udp.ts";
import { parseUnreachable } from "./unreachable.ts";
import { parseVxlan } from "./vxlan.ts";
import * as vxlanModule from "./vxlan.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { GENEVE_PORT } = geneveModule;
const { ExtensionHeader } = ipv6ExtensionsModule;
const { EtherType } = linkModule;
const { ChecksumState, Protocol } = packetModule;
const { DecodeReason } = reasonModule;
const { VXLAN_OLD_PORT, VXLAN_PORT } = vxlanModule;

export const MAX_TUNNELS = 3;

const ANY_LENGTH = 0x7fff_ffff;

/**
 * Fills `packet` from `frame`. Returns Ok for a TCP or UDP packet, or an ICMP error about one of TCP (unreachable.ts),
 * else why not (counted in `context.reasons`); on any reason but Ok the packet means nothing. Never throws, never reads beyond the frame.
 */
export function decode(frame: Frame, packet: Packet, context: DecodeContext): number {
  const reason = decodePlain(frame, packet, context) ? DecodeReason.Ok : decodeAny(frame, packet, context);
  context.reasons[reason] = context.reasons[reason]! + 1;
  return reason;
}

/** The walk for any frame; nothing is counted. */
export function decodeAny(frame: Frame, packet: Packet, context: DecodeContext): number {
  start(frame, packet, context);
  return walk(frame, packet, context);
}

function start(frame: Frame, packet: Packet, context: DecodeContext): void {
  packet.bytes = frame.bytes;
  packet.timestampMs = frame.timestampMs;
  packet.interfaceIndex = frame.interfaceIndex;
  packet.direction = frame.direction;
  packet.wireLength = frame.wireLength;
  packet.tunnelDepth = 0;
  packet.tunnelId = -1;
  packet.reassembled = false;

  const cursor = context.cursor;
  const available = frame.bytes.length - frame.offset;
  const captured = frame.capturedLength < available ? frame.capturedLength : available;
  cursor.bytes = frame.bytes;
  cursor.offset = frame.offset;
  cursor.end = frame.offset + captured;
  cursor.wireEnd = frame.offset + (frame.wireLength > captured ? frame.wireLength : captured);
  const isVouched = context.trustChecksums || frame.checksum !== ChecksumState.Unknown;
  cursor.verifyUpToBytes = isVouched ? -1 : context.superPacketBytes;
  cursor.verifyIpv4Header = !context.trustChecksums;
  cursor.acceptUnfilled = context.acceptUnfilled;
  // A local sender's packet with offload is a super-packet wherever its length field is zero.
  cursor.superPacketBytes = frame.checksum === ChecksumState.NotReady ? 0 : context.superPacketBytes;
  cursor.authenticated = false;
  cursor.rebuilt = false;
}

function walk(frame: Frame, packet: Packet, context: DecodeContext): number {
  const cursor = context.cursor;
  let reason = parseLink(frame, packet, cursor);
  while (reason === DecodeReason.Ok) {
    reason = parseNetwork(packet, cursor);
    if (reason !== DecodeReason.Ok) return reason;
    if (cursor.fragmented) {
      reason = context.fragments.insert(packet, cursor);
      // Cards do not verify what comes in pieces; whoever sent it in pieces has filled it in.
      if (!context.trustChecksums && frame.checksum !== ChecksumState.NotReady) cursor.verifyUpToBytes = ANY_LENGTH;
      continue;
    }
    cursor.rebuilt = false;
    if (cursor.next === Protocol.Tcp) return parseSegment(packet, cursor, context);
    if (cursor.next === Protocol.Udp) {
      reason = parseUdp(cursor, packet, context.unwrapTunnels && isTunnelPort(cursor));
      if (reason !== DecodeReason.Ok || !context.unwrapTunnels || !isTunnel(packet)) return reason;
    } else if (!context.unwrapTunnels || !isTunnelProtocol(cursor.next)) {
      return parseUnreachable(cursor, packet);
    }
    reason = unwrap(packet, cursor);
  }
  return reason;
}

/** Through the network header, its extensions and AH headers; stops at a fragment. */
function parseNetwork(packet: Packet, cursor: Cursor): number {
  const etherType: number = cursor.next;
  if (etherType === EtherType.Ipv4) {
    const reason = parseIpv4(cursor, packet);
    if (reason !== DecodeReason.Ok || cursor.fragmented || cursor.next !== ExtensionHeader.Authentication) return reason;
    return parseAuthentication(cursor);
  }
  if (etherType !== EtherType.Ipv6) return DecodeReason.NotIp;
  // A hop-by-hop header comes out of no fragment.
  let isFirst = !cursor.rebuilt;
  let reason = parseIpv6(cursor, packet);
  while (reason === DecodeReason.Ok) {
    reason = parseExtensions(cursor, isFirst);
    if (reason !== DecodeReason.Ok) return reason;
    if (cursor.fragmented || cursor.authenticated) return DecodeReason.Ok;
    if (cursor.next !== ExtensionHeader.Authentication) return DecodeReason.Ok;
    isFirst = false;
    reason = parseAuthentication(cursor);
  }
  return reason;
}

function parseSegment(packet: Packet, cursor: Cursor, context: DecodeContext): number {
  const reason = parseTcp(cursor, packet);
  if (reason !== DecodeReason.Ok) return reason;
  const optionsOffset = cursor.offset + 20;
  if (!parseTcpOptions(cursor.bytes, optionsOffset, packet.payloadOffset - optionsOffset, packet)) {
    context.reasons[DecodeReason.BadTcpOptions] = context.reasons[DecodeReason.BadTcpOptions]! + 1;
  }
  if (cursor.authenticated) packet.authenticated = true;
  return DecodeReason.Ok;
}

/** Looks ahead: the port decides whether a zero checksum is allowed. */
function isTunnelPort(cursor: Cursor): boolean {
  if (cursor.end - cursor.offset < 4) return false;
  return isTunnelDestination((cursor.bytes[cursor.offset + 2]! << 8) | cursor.bytes[cursor.offset + 3]!);
}

function isTunnel(packet: Packet): boolean {
  return isTunnelDestination(packet.destinationPort);
}

function isTunnelDestination(port: number): boolean {
  return port === VXLAN_PORT || port === VXLAN_OLD_PORT || port === GENEVE_PORT;
}

function isTunnelProtocol(protocol: number): boolean {
  return protocol === Protocol.IpInIp || protocol === Protocol.Ipv6InIp || protocol === Protocol.Gre;
}

/** Takes the tunnel header off and leaves the cursor at the inner network header. */
function unwrap(packet: Packet, cursor: Cursor): number {
  if (packet.tunnelDepth === MAX_TUNNELS) return DecodeReason.TunnelTooDeep;
  packet.tunnelDepth++;
  cursor.authenticated = false;
  if (cursor.next === Protocol.IpInIp || cursor.next === Protocol.Ipv6InIp) {
    cursor.next = cursor.next === Protocol.IpInIp ? EtherType.Ipv4 : EtherType.Ipv6;
    return DecodeReason.Ok;
  }
  const reason =
    cursor.next === Protocol.Gre
      ? parseGre(cursor, packet)
      : packet.destinationPort === GENEVE_PORT
        ? parseGeneve(cursor, packet)
        : parseVxlan(cursor, packet);
  if (reason !== DecodeReason.Ok) return reason;
  if (cursor.next === EtherType.Ethernet) return parseInnerEthernet(cursor);
  const isIp = cursor.next === EtherType.Ipv4 || cursor.next === EtherType.Ipv6;
  return isIp ? DecodeReason.Ok : DecodeReason.UnknownTunnelPayload;
}
