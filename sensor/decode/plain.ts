/**
 * The common case in one go: an Ethernet frame without tags, IPv4 without options or fragments or IPv6 without extension
 * headers, TCP, all of it captured and all of it right. It reads each header word once, which makes it about three times
 * as fast as the walk. Whatever is odd it leaves to the walk, which names the reason and is its naive twin in the tests.
 */
import { read16, read32 } from "./bigEndian.ts";
import { adds, sumByWords, sumPseudoHeader } from "./checksum.ts";
import type { DecodeContext } from "./context.ts";
import { MAPPED } from "./ipv4.ts";
import { ChecksumState, type Frame, LinkType, type Packet, Protocol } from "./packet.ts";
import { DecodeReason } from "./reason.ts";
import { parseTcpOptions } from "./tcpOptions.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const ETHERNET = LinkType.Ethernet;
const TCP = Protocol.Tcp;
const UNKNOWN = ChecksumState.Unknown;
const MAPPED_WORD = MAPPED;

/** Ethernet, IPv4 and TCP without options. */
const HEADERS_BYTES = 54;
const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const TCP_BYTES = 20;
const ETHERTYPE_OFFSET = 12;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const VERSION_4_FIVE_WORDS = 0x45;
/** "More fragments" and the fragment offset. */
const FRAGMENT_MASK = 0x3fff;

/** True: `packet` is filled, the reason is Ok. False: nothing is said, `packet` is half written. */
export function decodePlain(frame: Frame, packet: Packet, context: DecodeContext): boolean {
  const bytes = frame.bytes;
  const start = frame.offset;
  const captured = frame.capturedLength;
  if (
    frame.linkType !== ETHERNET ||
    captured < HEADERS_BYTES ||
    captured < frame.wireLength ||
    captured > bytes.length - start
  ) {
    return false;
  }
  const etherType = read16(bytes, start + ETHERTYPE_OFFSET);
  const offset = start + ETHERNET_BYTES;
  let headerBytes = IPV4_BYTES;
  let length = 0;
  if (etherType === ETHERTYPE_IPV4) {
    length = readIpv4(bytes, offset, captured - ETHERNET_BYTES, packet, context);
  } else if (etherType === ETHERTYPE_IPV6) {
    headerBytes = IPV6_BYTES;
    length = readIpv6(bytes, offset, captured - ETHERNET_BYTES, packet);
  }
  return length !== 0 && readTcp(bytes, offset + headerBytes, length, frame, packet, context);
}

/** Bytes of TCP behind the header, 0 where the walk must look. At least 40 of the `available` bytes are there. */
function readIpv4(bytes: Uint8Array, offset: number, available: number, packet: Packet, context: DecodeContext): number {
  const word0 = read32(bytes, offset);
  const word1 = read32(bytes, offset + 4);
  const word2 = read32(bytes, offset + 8);
  const totalLength = word0 & 0xffff;
  if (
    word0 >>> 24 !== VERSION_4_FIVE_WORDS ||
    (word1 & FRAGMENT_MASK) !== 0 ||
    ((word2 >>> 16) & 0xff) !== TCP ||
    totalLength < IPV4_BYTES + TCP_BYTES ||
    totalLength > available
  ) {
    return 0;
  }
  const source = read32(bytes, offset + 12);
  const destination = read32(bytes, offset + 16);
  const headerSum =
    (word0 >>> 16) +
    totalLength +
    (word1 >>> 16) +
    (word1 & 0xffff) +
    (word2 >>> 16) +
    (word2 & 0xffff) +
    (source >>> 16) +
    (source & 0xffff) +
    (destination >>> 16) +
    (destination & 0xffff);
  if (!context.trustChecksums && !adds(headerSum)) return 0;
  if (packet.ipVersion !== 4) {
    // The words of an IPv4 address that never change stay from packet to packet.
    packet.ipVersion = 4;
    packet.source0 = 0;
    packet.source1 = 0;
    packet.source2 = MAPPED_WORD;
    packet.destination0 = 0;
    packet.destination1 = 0;
    packet.destination2 = MAPPED_WORD;
    packet.flowLabel = 0;
  }
  packet.source3 = source;
  packet.destination3 = destination;
  packet.ipOffset = offset;
  packet.typeOfService = (word0 >>> 16) & 0xff;
  packet.ipId = word1 >>> 16;
  packet.ttl = word2 >>> 24;
  return totalLength - IPV4_BYTES;
}

/** The same for IPv6 without extension headers. */
function readIpv6(bytes: Uint8Array, offset: number, available: number, packet: Packet): number {
  const word0 = read32(bytes, offset);
  const word1 = read32(bytes, offset + 4);
  const payloadLength = word1 >>> 16;
  if (
    word0 >>> 28 !== 6 ||
    ((word1 >>> 8) & 0xff) !== TCP ||
    payloadLength < TCP_BYTES ||
    payloadLength > available - IPV6_BYTES
  ) {
    return 0;
  }
  const source0 = read32(bytes, offset + 8);
  const destination0 = read32(bytes, offset + 24);
  // A mapped address among others: the walk refuses it.
  if (source0 === 0 || destination0 === 0) return 0;
  packet.ipVersion = 6;
  packet.ipOffset = offset;
  packet.typeOfService = (word0 >>> 20) & 0xff;
  packet.flowLabel = word0 & 0xfffff;
  packet.ipId = 0;
  packet.ttl = word1 & 0xff;
  packet.source0 = source0;
  packet.source1 = read32(bytes, offset + 12);
  packet.source2 = read32(bytes, offset + 16);
  packet.source3 = read32(bytes, offset + 20);
  packet.destination0 = destination0;
  packet.destination1 = read32(bytes, offset + 28);
  packet.destination2 = read32(bytes, offset + 32);
  packet.destination3 = read32(bytes, offset + 36);
  return payloadLength;
}

function readTcp(
  bytes: Uint8Array,
  offset: number,
  segmentBytes: number,
  frame: Frame,
  packet: Packet,
  context: DecodeContext,
): boolean {
  const control = read32(bytes, offset + 12);
  const headerBytes = (control >>> 28) << 2;
  if (headerBytes < TCP_BYTES || headerBytes > segmentBytes) return false;
  if (frame.checksum === UNKNOWN && !isSumRight(bytes, offset, segmentBytes, packet, context)) return false;
  const ports = read32(bytes, offset);
  packet.protocol = TCP;
  packet.sourcePort = ports >>> 16;
  packet.destinationPort = ports & 0xffff;
  packet.sequence = read32(bytes, offset + 4);
  packet.acknowledgement = read32(bytes, offset + 8);
  packet.flags = (control >>> 16) & 0xff;
  packet.window = control & 0xffff;
  packet.urgentPointer = read16(bytes, offset + 18);
  packet.transportOffset = offset;
  packet.payloadOffset = offset + headerBytes;
  packet.payloadLength = segmentBytes - headerBytes;
  packet.truncatedBytes = 0;

  packet.bytes = bytes;
  packet.timestampMs = frame.timestampMs;
  packet.interfaceIndex = frame.interfaceIndex;
  packet.direction = frame.direction;
  packet.wireLength = frame.wireLength;
  packet.ethernetOffset = frame.offset;
  packet.vlanTci = frame.vlanTci;
  packet.vlanTpid = frame.vlanTci === -1 ? 0 : frame.vlanTpid;
  packet.innerVlanTci = -1;
  packet.tunnelDepth = 0;
  packet.tunnelId = -1;
  packet.reassembled = false;
  const options = offset + TCP_BYTES;
  if (!parseTcpOptions(bytes, options, headerBytes - TCP_BYTES, packet)) {
    context.reasons[DecodeReason.BadTcpOptions] = context.reasons[DecodeReason.BadTcpOptions]! + 1;
  }
  return true;
}

function isSumRight(
  bytes: Uint8Array,
  offset: number,
  segmentBytes: number,
  packet: Packet,
  context: DecodeContext,
): boolean {
  if (context.trustChecksums || segmentBytes > context.superPacketBytes) return true;
  return adds(sumByWords(bytes, context.words.of(bytes), offset, segmentBytes, sumPseudoHeader(packet, TCP, segmentBytes)));
}
