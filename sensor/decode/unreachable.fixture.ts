/** ICMP errors as routers write them, about a packet of the tests. */
import { read16, write16 } from "./bigEndian.ts";
import { finish, sum, sumPseudoHeader } from "./checksum.ts";
import { between, concat, ipPacket } from "./frame.fixture.ts";
import { ETHERNET_HEADER_BYTES, EtherType } from "./link.ts";
import { NetworkSpec } from "./networkSpec.ts";

export interface UnreachableOptions {
  readonly type?: number;
  readonly code?: number;
  /** Of the ICMP packet: a router, unless told, and whoever sent what is quoted. */
  readonly from?: string;
  readonly to?: string;
  /** Bytes of the IP packet that are quoted: all, unless told. */
  readonly quotedBytes?: number;
}

/** An Ethernet frame: the IP packet of `frame` does not reach its destination. */
export function unreachable(frame: Uint8Array, { type, code = 3, from, to, quotedBytes }: UnreachableOptions = {}): Uint8Array {
  const about = frame.slice(ETHERNET_HEADER_BYTES).slice(0, quotedBytes);
  const isIpv4 = read16(frame, ETHERNET_HEADER_BYTES - 2) === EtherType.Ipv4;
  const icmp = concat(Uint8Array.of(type ?? (isIpv4 ? 3 : 1), code, 0, 0, 0, 0, 0, 0), about);
  const spec = between(new NetworkSpec(), from ?? (isIpv4 ? "10.0.0.254" : "2001:db8::fe"), to ?? (isIpv4 ? "10.0.0.1" : "2001:db8::1"));
  const pseudo = isIpv4 ? 0 : sumPseudoHeader(spec, 58, icmp.length);
  write16(icmp, 2, finish(sum(icmp, 0, icmp.length, pseudo)));
  return ipPacket(isIpv4 ? 1 : 58, icmp, spec);
}
