/**
 * The headers below the transport, as a value to build from. A reused object: inject fills one for every forged
 * packet. The same names and units as in Packet.
 */
import { buildEthernet, EtherType, ethernetLength } from "./link.ts";
import { buildIpv4, IPV4_HEADER_BYTES } from "./ipv4.ts";
import { buildIpv6, IPV6_HEADER_BYTES } from "./ipv6.ts";

export const LinkHeader = { None: 0, Ethernet: 1 } as const;

const EMPTY = new Uint8Array(0);

export class NetworkSpec {
  linkHeader: number = LinkHeader.Ethernet;
  /** Destination MAC, then source MAC: three big-endian words, as in the flow record. */
  macs0 = 0;
  macs1 = 0;
  macs2 = 0;
  /** -1: no tag. */
  vlanTci = -1;
  vlanTpid: number = EtherType.Vlan;
  innerVlanTci = -1;

  ipVersion = 4;
  /** As in Packet: IPv4 is mapped (0, 0, 0xffff, address); with ipVersion 4 only the last word is written. */
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /** TTL or hop limit. */
  ttl = 64;
  /** IPv4 only. */
  ipId = 0;
  dontFragment = true;
  /** IPv4 only; in bytes. */
  fragmentOffset = 0;
  /** IPv4 only. */
  moreFragments = false;
  typeOfService = 0;
  /** IPv6 only. */
  flowLabel = 0;
  /** IPv4 only: raw option bytes, a multiple of four. */
  ipOptions: Uint8Array = EMPTY;
  /** IPv6 only: the whole chain as bytes, whose last next header names the transport; and the protocol of its first. */
  extensions: Uint8Array = EMPTY;
  firstExtension = -1;
}

/** Bytes of link and network headers. */
export function networkLength(spec: NetworkSpec): number {
  const link = spec.linkHeader === LinkHeader.Ethernet ? ethernetLength(spec) : 0;
  const network =
    spec.ipVersion === 4
      ? IPV4_HEADER_BYTES + spec.ipOptions.length
      : IPV6_HEADER_BYTES + (spec.firstExtension === -1 ? 0 : spec.extensions.length);
  return link + network;
}

/** Writes link and network headers before `payloadLength` bytes; returns their length. There is room: see networkLength. */
export function buildNetwork(
  out: Uint8Array,
  offset: number,
  spec: NetworkSpec,
  protocol: number,
  payloadLength: number,
): number {
  let position = offset;
  if (spec.linkHeader === LinkHeader.Ethernet) {
    position += buildEthernet(out, position, spec, spec.ipVersion === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
  }
  if (spec.ipVersion === 4) {
    position += buildIpv4(out, position, spec, protocol, payloadLength);
  } else if (spec.firstExtension === -1) {
    position += buildIpv6(out, position, spec, protocol, payloadLength);
  } else {
    position += buildIpv6(out, position, spec, spec.firstExtension, spec.extensions.length + payloadLength);
    out.set(spec.extensions, position);
    position += spec.extensions.length;
  }
  return position - offset;
}
