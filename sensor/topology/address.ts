/** RTM_NEWADDR and RTM_DELADDR: an address of this machine (linux/if_addr.h). */
import { AddressFamily, LITTLE_ENDIAN, readAddress, readAttributes } from "./netlink.ts";
import type { Span } from "./netlink.ts";

/** struct ifaddrmsg. */
export const ADDRESS_HEADER_BYTES = 8;

/** Of a point-to-point interface the first is the peer's, the second ours; else the first is ours. */
const Attribute = { Address: 1, Local: 2 } as const;

/** IFA_TARGET_NETNSID: of which namespace the addresses are, in a request and in its answers. */
export const TARGET_NAMESPACE = 10;

export interface LocalAddress {
  readonly interfaceIndex: number;
  readonly words: Int32Array;
  readonly prefixLength: number;
  /** True where the prefix holds this address alone. */
  readonly alone: boolean;
}

/** fe80::/10. IPv4's 169.254/16 is left in: clouds and plugins give it to single machines. */
export function isLinkLocal(words: Int32Array): boolean {
  return words[0]! >>> 22 === 0xfe80 >>> 6;
}

/** Undefined where the message is damaged or of another family. Whose namespace it is of the asker knows. */
export function parseLocalAddress(body: Span): LocalAddress | undefined {
  if (body.length < ADDRESS_HEADER_BYTES) return undefined;
  const family = body.view.getUint8(body.offset);
  const attributes = readAttributes(body, ADDRESS_HEADER_BYTES);
  const words = readAddress(attributes?.get(Attribute.Local) ?? attributes?.get(Attribute.Address));
  const bits = family === AddressFamily.Ipv4 ? 32 : 128;
  if (words === undefined || (family !== AddressFamily.Ipv4 && family !== AddressFamily.Ipv6)) return undefined;
  const prefixLength = body.view.getUint8(body.offset + 1);
  const interfaceIndex = body.view.getInt32(body.offset + 4, LITTLE_ENDIAN);
  if (prefixLength > bits || interfaceIndex <= 0) return undefined;
  return { interfaceIndex, words, prefixLength, alone: prefixLength === bits };
}
