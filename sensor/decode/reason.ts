/**
 * Why `decode()` gave no transport packet. Each check has a reason of its own, counted in
 * `DecodeContext.reasons`; on any reason but Ok the fields of Packet mean nothing.
 *
 * "Truncated" is a packet whose own sender made it too short; `CaptureCutShort` is one that the capture cut.
 */
export const DecodeReason = {
  Ok: 0,
  /** Headers are on the wire but were not captured. */
  CaptureCutShort: 1,
  UnknownLinkType: 2,

  TruncatedEthernet: 3,
  TruncatedVlan: 4,
  TooManyVlanTags: 5,
  TruncatedCooked: 6,
  TruncatedLoopback: 7,
  UnknownLoopbackFamily: 8,
  /** ARP, LLDP, MPLS, ...: nothing for us. */
  NotIp: 9,

  TruncatedIpv4: 10,
  BadIpv4Version: 11,
  /** Fewer than five words. */
  BadIpv4HeaderLength: 12,
  /** Shorter than its header, or longer than the frame. */
  BadIpv4TotalLength: 13,
  BadIpv4Checksum: 14,
  BadIpv4Options: 15,
  /** A source route: Linux hosts drop it. */
  Ipv4SourceRoute: 16,

  TruncatedIpv6: 17,
  BadIpv6Version: 18,
  BadIpv6PayloadLength: 19,
  /** ::ffff:0:0/96 on the wire: Linux drops it, and it would pass for an IPv4 flow. */
  Ipv6MappedAddress: 20,
  TruncatedExtensionHeader: 21,
  /** More than MAX_EXTENSION_HEADERS. */
  ExtensionHeaderLoop: 22,
  /** Hop-by-hop anywhere but first. */
  HopByHopMisplaced: 23,
  BadIpv6Option: 24,
  BadIpv6JumboLength: 25,
  /** A routing header with segments left: not at its destination. */
  Ipv6RouteUnfinished: 26,

  TruncatedAuthentication: 27,

  /** A fragment that completes nothing yet: kept. */
  FragmentHeld: 28,
  /** Lies inside what is there already: ignored. */
  FragmentDuplicate: 29,
  /** Overlaps in part: the whole datagram is dropped. */
  FragmentOverlap: 30,
  /** Empty, or not a multiple of eight (IPv6). */
  BadFragmentLength: 31,
  /** Beyond 65535. */
  FragmentTooLong: 32,
  /** Two different ends, or bytes beyond the end: the whole datagram is dropped. */
  FragmentEndConflict: 33,
  /** ECN code points that do not go together: the whole datagram is dropped. */
  FragmentEcnConflict: 34,
  /** The capture cut it: what is missing cannot be put together. */
  FragmentCutShort: 35,
  /** One datagram alone fills all buffers. */
  FragmentRefused: 36,
  /** A second fragment header. */
  NestedFragment: 37,

  TunnelTooDeep: 38,
  TruncatedVxlan: 39,
  BadVxlanFlags: 40,
  TruncatedGeneve: 41,
  BadGeneveVersion: 42,
  TruncatedGre: 43,
  /** Version 1 (PPTP) or source routing. */
  BadGreFlags: 44,
  BadGreChecksum: 45,
  /** A tunnel that carries neither IP nor Ethernet. */
  UnknownTunnelPayload: 46,

  TruncatedUdp: 47,
  BadUdpLength: 48,
  BadUdpChecksum: 49,

  TruncatedTcp: 50,
  /** Below five words, or beyond the segment. */
  BadTcpDataOffset: 51,
  BadTcpChecksum: 52,
  /** Never returned: counts segments whose options stop making sense; what came before is kept, as Linux does. */
  BadTcpOptions: 53,

  /** IP, but neither TCP nor UDP, nor an ICMP error about TCP. */
  NotTransport: 54,

  /** Never returned: counts unfinished datagrams given up after IPV4_TIMEOUT_MS or IPV6_TIMEOUT_MS. */
  FragmentTimeout: 55,
  /** Never returned: counts unfinished datagrams given up for room. */
  FragmentEvicted: 56,

  /** An ICMP error without enough of what it is about. */
  TruncatedIcmp: 57,
  BadIcmpChecksum: 58,
  /** It quotes no IP packet, or one that whoever gets it has not sent. */
  BadIcmpQuote: 59,
} as const;

const NAMES: readonly string[] = Object.keys(DecodeReason);

export const DECODE_REASON_COUNT = NAMES.length;

/** `"BadTcpChecksum"` for 52; `"Unknown"` for a number that is no reason. */
export function decodeReasonName(reason: number): string {
  return NAMES[reason] ?? "Unknown";
}
