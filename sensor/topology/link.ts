/** RTM_NEWLINK and RTM_DELLINK: one interface (rtnetlink(7), linux/if_link.h). */
import { LITTLE_ENDIAN, readAttributes, readHex, readText, readU32 } from "./netlink.ts";
import type { Span } from "./netlink.ts";

/** struct ifinfomsg. */
export const LINK_HEADER_BYTES = 16;

const Attribute = { HardwareAddress: 1, Name: 3, Mtu: 4, Link: 5, Master: 10, Information: 18, LinkNamespace: 37 } as const;
const INFORMATION_KIND = 1;
const FLAG_UP = 0x1;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** ARPHRD_. */
  readonly hardwareType: number;
  /** Set up by the administrator, whether there is a carrier or not. */
  readonly up: boolean;
  readonly mtu: number;
  /** Index of the bridge, bond or other device that this one is a port of; 0 for none. */
  readonly master: number;
  /** Index of the device at the other end or below, in its own namespace; 0 for none. */
  readonly peer: number;
  /** That device is in another network namespace. */
  readonly peerElsewhere: boolean;
  /** Our number of that namespace, -1 where it is ours or has none. */
  readonly peerNamespace: number;
  /** Driver kind as `ip -d link` shows it ("veth", "bridge", "vxlan"); "" for hardware and loopback. */
  readonly driver: string;
  /** Hexadecimal. */
  readonly hardwareAddress: string;
}

/** Undefined where the message is damaged, or is one of a bridge about a port (family AF_BRIDGE). */
export function parseLink(body: Span): Link | undefined {
  if (body.length < LINK_HEADER_BYTES || body.view.getUint8(body.offset) !== 0) return undefined;
  const attributes = readAttributes(body, LINK_HEADER_BYTES);
  const index = body.view.getInt32(body.offset + 4, LITTLE_ENDIAN);
  if (attributes === undefined || index <= 0) return undefined;
  const information = attributes.get(Attribute.Information);
  return {
    index,
    name: readText(attributes.get(Attribute.Name)),
    hardwareType: body.view.getUint16(body.offset + 2, LITTLE_ENDIAN),
    up: (body.view.getUint32(body.offset + 8, LITTLE_ENDIAN) & FLAG_UP) !== 0,
    mtu: readU32(attributes.get(Attribute.Mtu), 0),
    master: readU32(attributes.get(Attribute.Master), 0),
    peer: readU32(attributes.get(Attribute.Link), 0),
    // Present exactly where the other device is not in our namespace.
    peerElsewhere: attributes.has(Attribute.LinkNamespace),
    peerNamespace: readU32(attributes.get(Attribute.LinkNamespace), -1) | 0,
    driver: information === undefined ? "" : readText(readAttributes(information)?.get(INFORMATION_KIND)),
    hardwareAddress: readHex(attributes.get(Attribute.HardwareAddress)),
  };
}
