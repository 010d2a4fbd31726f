/** RTM_NEWROUTE and RTM_DELROUTE: by which interface, and over whom, a prefix is reached (linux/rtnetlink.h). */
import { AddressFamily, LITTLE_ENDIAN, readAddress, readAttributes, readU32 } from "./netlink.ts";
import type { Span } from "./netlink.ts";

/** struct rtmsg, struct rtnexthop. */
export const ROUTE_HEADER_BYTES = 12;
const NEXT_HOP_BYTES = 8;

const Attribute = { Destination: 1, OutInterface: 4, Gateway: 5, Priority: 6, Multipath: 9, Table: 15, Via: 18 } as const;
const TYPE_UNICAST = 1;
/** RTM_F_CLONED: a cache entry, no route. */
const FLAG_CLONED = 0x200;
const TABLE_LOCAL = 255;
/** Next hops of one route that are read. */
const NEXT_HOP_LIMIT = 64;

export interface NextHop {
  readonly interfaceIndex: number;
  /** Undefined where the destination is on the link. */
  readonly gateway: Int32Array | undefined;
}

export interface Route {
  readonly family: number;
  readonly table: number;
  /** Network of the prefix, mapped for IPv4 (where the prefix then is 96 bits longer). */
  readonly words: Int32Array;
  readonly prefixLength: number;
  readonly priority: number;
  readonly nextHops: readonly NextHop[];
}

/** Undefined where the message is damaged, or no unicast route that others travel (local, broadcast, blackhole, cached). */
export function parseRoute(body: Span): Route | undefined {
  if (body.length < ROUTE_HEADER_BYTES) return undefined;
  const { view, offset } = body;
  const family = view.getUint8(offset);
  if (family !== AddressFamily.Ipv4 && family !== AddressFamily.Ipv6) return undefined;
  const attributes = readAttributes(body, ROUTE_HEADER_BYTES);
  if (attributes === undefined) return undefined;
  const table = readU32(attributes.get(Attribute.Table), view.getUint8(offset + 4));
  if (view.getUint8(offset + 7) !== TYPE_UNICAST || table === TABLE_LOCAL) return undefined;
  if ((view.getUint32(offset + 8, LITTLE_ENDIAN) & FLAG_CLONED) !== 0) return undefined;
  const prefixLength = view.getUint8(offset + 1);
  const isIpv4 = family === AddressFamily.Ipv4;
  const words = readAddress(attributes.get(Attribute.Destination)) ?? Int32Array.of(0, 0, isIpv4 ? 0xffff : 0, 0);
  if (prefixLength > (isIpv4 ? 32 : 128)) return undefined;
  const nextHops = readNextHops(attributes);
  if (nextHops === undefined) return undefined;
  return { family, table, words, prefixLength, priority: readU32(attributes.get(Attribute.Priority), 0), nextHops };
}

function readNextHops(attributes: Map<number, Span>): NextHop[] | undefined {
  const multipath = attributes.get(Attribute.Multipath);
  if (multipath === undefined) return [{ interfaceIndex: readU32(attributes.get(Attribute.OutInterface), 0), gateway: gatewayOf(attributes) }];
  const hops: NextHop[] = [];
  const end = multipath.offset + multipath.length;
  for (let at = multipath.offset; end - at >= NEXT_HOP_BYTES && hops.length < NEXT_HOP_LIMIT; ) {
    const length = multipath.view.getUint16(at, LITTLE_ENDIAN);
    if (length < NEXT_HOP_BYTES || length > end - at) return undefined;
    const inner = readAttributes({ view: multipath.view, offset: at + NEXT_HOP_BYTES, length: length - NEXT_HOP_BYTES });
    if (inner === undefined) return undefined;
    hops.push({ interfaceIndex: multipath.view.getInt32(at + 4, LITTLE_ENDIAN), gateway: gatewayOf(inner) });
    at += (length + 3) & ~3;
  }
  return hops;
}

/** The gateway, also one of the other family (RTA_VIA: its family, then its address). */
function gatewayOf(attributes: Map<number, Span>): Int32Array | undefined {
  const via = attributes.get(Attribute.Via);
  const other = via === undefined || via.length < 2 ? undefined : { view: via.view, offset: via.offset + 2, length: via.length - 2 };
  return readAddress(attributes.get(Attribute.Gateway) ?? other);
}
