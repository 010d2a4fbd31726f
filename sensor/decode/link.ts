/**
 * Link layers by capture LINKTYPE: Ethernet II with 802.1Q, 802.1ad and the old 0x9100 tags (IEEE 802.1Q-2022 clause 9),
 * Linux cooked v1 and v2, BSD null and loop, raw IP. Each leaves an EtherType in `cursor.next`.
 */
import { read16, read32, write16, write32 } from "./bigEndian.ts";
import { type Cursor, need } from "./cursor.ts";
import type { Frame, Packet } from "./packet.ts";
import * as packetModule from "./packet.ts";
import * as reasonModule from "./reason.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { LinkType } = packetModule;
const { DecodeReason } = reasonModule;

export const EtherType = {
  Ipv4: 0x0800,
  Vlan: 0x8100,
  Ipv6: 0x86dd,
  QinQ: 0x88a8,
  OldQinQ: 0x9100,
  /** Transparent Ethernet bridging: a whole frame inside a tunnel. */
  Ethernet: 0x6558,
} as const;

export const ETHERNET_HEADER_BYTES = 14;
const VLAN_TAG_BYTES = 4;
const MAX_VLAN_TAGS = 2;

const MACS_BYTES = 12;
const COOKED = { PacketType: 0, Protocol: 14, HeaderBytes: 16 } as const;
const COOKED2 = { Protocol: 0, InterfaceIndex: 4, PacketType: 10, HeaderBytes: 20 } as const;
const LOOPBACK_HEADER_BYTES = 4;
const AF_INET = 2;

/** Starts the walk at the frame's own link layer. */
export function parseLink(frame: Frame, packet: Packet, cursor: Cursor): number {
  packet.ethernetOffset = -1;
  packet.vlanTci = frame.vlanTci;
  packet.vlanTpid = frame.vlanTci === -1 ? 0 : frame.vlanTpid;
  packet.innerVlanTci = -1;
  switch (frame.linkType) {
    case LinkType.Ethernet: {
      packet.ethernetOffset = cursor.offset;
      const short = need(cursor, ETHERNET_HEADER_BYTES, DecodeReason.TruncatedEthernet);
      if (short !== DecodeReason.Ok) return short;
      cursor.next = read16(cursor.bytes, cursor.offset + MACS_BYTES);
      cursor.offset += ETHERNET_HEADER_BYTES;
      return parseVlanTags(packet, cursor);
    }
    case LinkType.LinuxCooked:
      return parseCooked(packet, cursor);
    case LinkType.LinuxCooked2:
      return parseCooked2(packet, cursor);
    case LinkType.Raw:
      return parseRaw(cursor);
    case LinkType.Ipv4:
      cursor.next = EtherType.Ipv4;
      return DecodeReason.Ok;
    case LinkType.Ipv6:
      cursor.next = EtherType.Ipv6;
      return DecodeReason.Ok;
    case LinkType.Null:
    case LinkType.Loop:
      return parseLoopback(cursor);
    default:
      return DecodeReason.UnknownLinkType;
  }
}

/** An Ethernet header inside a tunnel: its tags are taken off and forgotten, they mean nothing where we inject. */
export function parseInnerEthernet(cursor: Cursor): number {
  const short = need(cursor, ETHERNET_HEADER_BYTES, DecodeReason.TruncatedEthernet);
  if (short !== DecodeReason.Ok) return short;
  cursor.next = read16(cursor.bytes, cursor.offset + MACS_BYTES);
  cursor.offset += ETHERNET_HEADER_BYTES;
  for (let tags = 0; isVlan(cursor.next); tags++) {
    if (tags === MAX_VLAN_TAGS) return DecodeReason.TooManyVlanTags;
    const cut = takeTag(cursor);
    if (cut !== DecodeReason.Ok) return cut;
  }
  return DecodeReason.Ok;
}

function parseVlanTags(packet: Packet, cursor: Cursor): number {
  while (isVlan(cursor.next)) {
    if (packet.innerVlanTci !== -1) return DecodeReason.TooManyVlanTags;
    const tpid = cursor.next;
    const cut = takeTag(cursor);
    if (cut !== DecodeReason.Ok) return cut;
    const tci = read16(cursor.bytes, cursor.offset - VLAN_TAG_BYTES);
    if (packet.vlanTci === -1) {
      packet.vlanTci = tci;
      packet.vlanTpid = tpid;
    } else {
      packet.innerVlanTci = tci;
    }
  }
  return DecodeReason.Ok;
}

function isVlan(etherType: number): boolean {
  return etherType === EtherType.Vlan || etherType === EtherType.QinQ || etherType === EtherType.OldQinQ;
}

function takeTag(cursor: Cursor): number {
  const short = need(cursor, VLAN_TAG_BYTES, DecodeReason.TruncatedVlan);
  if (short !== DecodeReason.Ok) return short;
  cursor.next = read16(cursor.bytes, cursor.offset + 2);
  cursor.offset += VLAN_TAG_BYTES;
  return DecodeReason.Ok;
}

function parseCooked(packet: Packet, cursor: Cursor): number {
  const short = need(cursor, COOKED.HeaderBytes, DecodeReason.TruncatedCooked);
  if (short !== DecodeReason.Ok) return short;
  packet.direction = read16(cursor.bytes, cursor.offset + COOKED.PacketType);
  cursor.next = read16(cursor.bytes, cursor.offset + COOKED.Protocol);
  cursor.offset += COOKED.HeaderBytes;
  return parseVlanTags(packet, cursor);
}

function parseCooked2(packet: Packet, cursor: Cursor): number {
  const short = need(cursor, COOKED2.HeaderBytes, DecodeReason.TruncatedCooked);
  if (short !== DecodeReason.Ok) return short;
  packet.direction = cursor.bytes[cursor.offset + COOKED2.PacketType]!;
  packet.interfaceIndex = read32(cursor.bytes, cursor.offset + COOKED2.InterfaceIndex);
  cursor.next = read16(cursor.bytes, cursor.offset + COOKED2.Protocol);
  cursor.offset += COOKED2.HeaderBytes;
  return parseVlanTags(packet, cursor);
}

function parseRaw(cursor: Cursor): number {
  const short = need(cursor, 1, DecodeReason.TruncatedIpv4);
  if (short !== DecodeReason.Ok) return short;
  const version = cursor.bytes[cursor.offset]! >> 4;
  cursor.next = version === 4 ? EtherType.Ipv4 : version === 6 ? EtherType.Ipv6 : 0;
  return DecodeReason.Ok;
}

/** The address family of the host that captured, in its byte order (Null) or big-endian (Loop). */
function parseLoopback(cursor: Cursor): number {
  const short = need(cursor, LOOPBACK_HEADER_BYTES, DecodeReason.TruncatedLoopback);
  if (short !== DecodeReason.Ok) return short;
  const word = read32(cursor.bytes, cursor.offset);
  const family = word >>> 16 === 0 ? word : word >>> 24;
  cursor.offset += LOOPBACK_HEADER_BYTES;
  cursor.next = family === AF_INET ? EtherType.Ipv4 : isInet6(family) ? EtherType.Ipv6 : 0;
  return cursor.next === 0 ? DecodeReason.UnknownLoopbackFamily : DecodeReason.Ok;
}

/** AF_INET6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS. */
function isInet6(family: number): boolean {
  return family === 10 || family === 24 || family === 28 || family === 30;
}

/** What `buildEthernet` writes; NetworkSpec has it. */
export interface EthernetFields {
  /** Destination MAC, then source MAC: three big-endian words, as in the flow record. */
  macs0: number;
  macs1: number;
  macs2: number;
  vlanTci: number;
  vlanTpid: number;
  innerVlanTci: number;
}

export function ethernetLength(fields: EthernetFields): number {
  const tags = (fields.vlanTci === -1 ? 0 : 1) + (fields.innerVlanTci === -1 ? 0 : 1);
  return ETHERNET_HEADER_BYTES + tags * VLAN_TAG_BYTES;
}

/** Writes the header with its tags; returns its length. An inner tag always has TPID 0x8100. */
export function buildEthernet(out: Uint8Array, offset: number, fields: EthernetFields, etherType: number): number {
  write32(out, offset, fields.macs0);
  write32(out, offset + 4, fields.macs1);
  write32(out, offset + 8, fields.macs2);
  let position = offset + MACS_BYTES;
  if (fields.vlanTci !== -1) {
    write16(out, position, fields.vlanTpid);
    write16(out, position + 2, fields.vlanTci);
    position += VLAN_TAG_BYTES;
  }
  if (fields.innerVlanTci !== -1) {
    write16(out, position, EtherType.Vlan);
    write16(out, position + 2, fields.innerVlanTci);
    position += VLAN_TAG_BYTES;
  }
  write16(out, position, etherType);
  return position + 2 - offset;
}
