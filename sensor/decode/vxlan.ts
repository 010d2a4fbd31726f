/** VXLAN (RFC 7348): a whole Ethernet frame in UDP. */
import { read32, write32 } from "./bigEndian.ts";
import { type Cursor, need } from "./cursor.ts";
import { EtherType } from "./link.ts";
import type { Packet } from "./packet.ts";
import { DecodeReason } from "./reason.ts";

/** IANA's port, and the older one that Linux, Flannel and Cilium use. */
export const VXLAN_PORT = 4789;
export const VXLAN_OLD_PORT = 8472;
const VXLAN_HEADER_BYTES = 8;

const VNI_PRESENT = 0x08;

/** The reserved bits are not looked at: section 5 has the receiver ignore them. */
export function parseVxlan(cursor: Cursor, packet: Packet): number {
  const short = need(cursor, VXLAN_HEADER_BYTES, DecodeReason.TruncatedVxlan);
  if (short !== DecodeReason.Ok) return short;
  if ((cursor.bytes[cursor.offset]! & VNI_PRESENT) === 0) return DecodeReason.BadVxlanFlags;
  packet.tunnelId = read32(cursor.bytes, cursor.offset + 4) >>> 8;
  cursor.next = EtherType.Ethernet;
  cursor.offset += VXLAN_HEADER_BYTES;
  return DecodeReason.Ok;
}

export function buildVxlan(out: Uint8Array, offset: number, vni: number): number {
  write32(out, offset, VNI_PRESENT << 24);
  write32(out, offset + 4, vni << 8);
  return VXLAN_HEADER_BYTES;
}
