/**
 * decode: bytes to headers and headers to bytes, one file a protocol (parse and build), and the walk over them.
 *
 * **Invariant:** `decode()` never throws, never reads beyond the frame and allocates nothing; whatever it refuses has a
 * counted reason. A packet that a Linux host would drop for its form is refused, so that bytes which no socket ever
 * reads are not taken for the stream.
 *
 * It must not know: connections, policies, where frames come from, the time (fragments age by packet timestamps).
 */
export { formatAddress, formatEndpoint, isIpv4, parseAddress } from "./address.ts";
export { buildAuthentication } from "./authentication.ts";
export * as checksum from "./checksum.ts";
export { DecodeContext, LIVE_DATAGRAM_BYTES } from "./context.ts";
export type { DecodeOptions } from "./context.ts";
export { buildDatagram, buildFragment, buildIpPacket, DatagramSpec } from "./datagram.ts";
export { decode, MAX_TUNNELS } from "./decode.ts";
export { buildGeneve, GENEVE_PORT } from "./geneve.ts";
export { buildGre, greLength } from "./gre.ts";
export { buildExtension } from "./ipv6Extensions.ts";
export { ETHERNET_HEADER_BYTES, EtherType } from "./link.ts";
export { LinkHeader, NetworkSpec } from "./networkSpec.ts";
export { ChecksumState, Frame, LinkType, Packet, PacketDirection, Protocol, TcpFlag } from "./packet.ts";
export type { RestOfFrame } from "./packet.ts";
export { DECODE_REASON_COUNT, DecodeReason, decodeReasonName } from "./reason.ts";
export { buildSegment, segmentLength, SegmentSpec } from "./segment.ts";
export { add, after, before, distance, later } from "./seqnum.ts";
export { TcpOption, TcpOptionWriter } from "./tcpOptions.ts";
export { buildVxlan, VXLAN_PORT } from "./vxlan.ts";
