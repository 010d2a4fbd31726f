/**
 * One packet as the rest of the sensor sees it: a single object, reused for every packet (the packet path
 * allocates nothing). `decode()` fills it; every field is valid only until the next call.
 *
 * Sequence numbers, acknowledgement numbers and address words are signed 32-bit integers (`| 0`), because V8
 * keeps those unboxed; `>>> 0` belongs to printing only. Compare them with `seqnum.ts`.
 */

/** How a frame reached (or left) the interface where it was seen; values are Linux `sockaddr_ll.sll_pkttype`. */
export const PacketDirection = {
  Host: 0,
  Broadcast: 1,
  Multicast: 2,
  OtherHost: 3,
  Outgoing: 4,
} as const;

/** What the kernel says of the transport checksum. */
export const ChecksumState = {
  /** Nobody vouches: verify it ourselves. */
  Unknown: 0,
  /** The kernel or the card verified it. */
  Valid: 1,
  /** Not filled in yet (a local sender with offload): the bytes mean nothing. */
  NotReady: 2,
} as const;

/** The link layers that captures use, by pcap LINKTYPE number. */
export const LinkType = {
  Null: 0,
  Ethernet: 1,
  Raw: 101,
  Loop: 108,
  LinuxCooked: 113,
  Ipv4: 228,
  Ipv6: 229,
  LinuxCooked2: 276,
} as const;

/** Has the rest of a frame of which only the beginning was handed over. */
export interface RestOfFrame {
  /** Completes the frame in place: `bytes`, `offset` and `capturedLength` change, `rest` becomes null. */
  fetch(frame: Frame): void;
}

/** What capture hands to decode: bytes that are not copied, and what the kernel said beside them. Reused. */
export class Frame {
  bytes: Uint8Array = EMPTY;
  offset = 0;
  /** Bytes present from `offset` on. */
  capturedLength = 0;
  /** Bytes that were on the wire; larger than `capturedLength` where the capture was cut short. */
  wireLength = 0;
  /** Milliseconds since 1970 with a fraction (a float64 resolves 0.25 us). */
  timestampMs = 0;
  interfaceIndex = 0;
  linkType: number = LinkType.Ethernet;
  direction: number = PacketDirection.Host;
  checksum: number = ChecksumState.Unknown;
  /** VLAN tag that the kernel took out of the frame, or -1; then its TPID. */
  vlanTci = -1;
  vlanTpid = 0;
  /** Not null where only the headers are here yet: a super-packet is read whole only when somebody wants its content. */
  rest: RestOfFrame | null = null;
}

const EMPTY = new Uint8Array(0);

export class Packet {
  // From the frame.
  /** Holds everything below by absolute offset; a reassembled datagram lives in a buffer of decode's own. */
  bytes: Uint8Array = EMPTY;
  timestampMs = 0;
  interfaceIndex = 0;
  direction: number = PacketDirection.Host;
  /** Length on the wire, link header included. */
  wireLength = 0;

  // Link.
  /** Offset of the outermost Ethernet header (destination MAC first), or -1 where the link has none. */
  ethernetOffset = -1;
  /** Outermost and inner VLAN tags (TCI), -1 where absent; TPIDs beside them. */
  vlanTci = -1;
  vlanTpid = 0;
  innerVlanTci = -1;

  // Network: the innermost IP header, after every tunnel is unwrapped.
  ipVersion = 0;
  ipOffset = 0;
  protocol = 0;
  /** TTL or hop limit. */
  ttl = 0;
  /** IPv4 identification; 0 for IPv6. */
  ipId = 0;
  /** IPv6 flow label; 0 for IPv4. */
  flowLabel = 0;
  typeOfService = 0;
  /** Addresses as four big-endian words; IPv4 is mapped (0, 0, 0xffff, address). */
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /** Number of tunnel headers taken off, and the innermost tunnel identifier (VNI, GRE key), -1 where there is none. */
  tunnelDepth = 0;
  tunnelId = -1;
  /** True where the datagram was put together from fragments. */
  reassembled = false;

  // Transport. Ports are valid for TCP and UDP, and for an ICMP error about TCP, which reads as an answer of whoever is
  // said not to be reached: source and destination are those of such an answer (see unreachable.ts).
  sourcePort = 0;
  destinationPort = 0;
  transportOffset = 0;
  payloadOffset = 0;
  /** Payload bytes present from `payloadOffset` on. */
  payloadLength = 0;
  /** Payload bytes that follow those on the wire and were not captured. */
  truncatedBytes = 0;

  // TCP only.
  sequence = 0;
  /** Of an ICMP error: the sequence number of the segment that it is about. */
  acknowledgement = 0;
  /** The flag byte: see TcpFlag. */
  flags = 0;
  /** As in the header, unscaled. */
  window = 0;
  urgentPointer = 0;
  /** 0 where the option is absent. */
  mss = 0;
  /** -1 where the option is absent. */
  windowScale = -1;
  sackPermitted = false;
  timestampPresent = false;
  timestampValue = 0;
  timestampEcho = 0;
  sackCount = 0;
  /** Right edge of the right-most SACK block; valid where sackCount > 0. */
  sackRightEdge = 0;
  /** MPTCP option subtype (0 MP_CAPABLE, 1 MP_JOIN, ...), -1 where absent; the token of an MP_JOIN SYN. */
  mptcpSubtype = -1;
  mptcpToken = 0;
  /** TCP-MD5 (RFC 2385) or TCP-AO (RFC 5925) is present: a forged RST will not be accepted. */
  authenticated = false;
  /** Length of the fast-open cookie (RFC 7413), -1 where the option is absent; 0 is a request. */
  fastOpenLength = -1;
}

export const TcpFlag = { Fin: 1, Syn: 2, Rst: 4, Psh: 8, Ack: 16, Urg: 32, Ece: 64, Cwr: 128 } as const;

export const Protocol = { Icmp: 1, IpInIp: 4, Tcp: 6, Udp: 17, Ipv6InIp: 41, Gre: 47, Icmp6: 58 } as const;
