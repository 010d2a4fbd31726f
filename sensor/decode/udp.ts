/** UDP headers (RFC 768; RFC 8200 section 8.1 and RFC 6936 for IPv6). */
import { read16, write16 } from "./bigEndian.ts";
import { adds, type AddressPair, finish, fold, sum, sumPseudoHeader } from "./checksum.ts";
import { type Cursor, narrow, need } from "./cursor.ts";
import { type Packet, Protocol } from "./packet.ts";
import { DecodeReason } from "./reason.ts";

const Offset = { SourcePort: 0, DestinationPort: 2, Length: 4, Checksum: 6 } as const;

export const UDP_HEADER_BYTES = 8;

/**
 * Header at the cursor into `packet`; leaves the cursor at the payload. `zeroChecksumAllowed` is for tunnels over
 * IPv6 (RFC 6936); over IPv4 zero always means that there is none.
 */
export function parseUdp(cursor: Cursor, packet: Packet, zeroChecksumAllowed: boolean): number {
  const bytes = cursor.bytes;
  const offset = cursor.offset;
  const short = need(cursor, UDP_HEADER_BYTES, DecodeReason.TruncatedUdp);
  if (short !== DecodeReason.Ok) return short;
  const length = read16(bytes, offset + Offset.Length);
  // RFC 2675 section 4: zero in a jumbogram; Linux takes it in any IPv6 packet.
  const isWhole = length === 0 && packet.ipVersion === 6;
  if (!isWhole && (length < UDP_HEADER_BYTES || !narrow(cursor, length))) return DecodeReason.BadUdpLength;
  const checksum = read16(bytes, offset + Offset.Checksum);
  const datagramBytes = cursor.end - offset;
  if (datagramBytes <= cursor.verifyUpToBytes && cursor.end === cursor.wireEnd) {
    if (checksum === 0) {
      if (packet.ipVersion === 6 && !zeroChecksumAllowed) return DecodeReason.BadUdpChecksum;
    } else {
      const pseudo = sumPseudoHeader(packet, Protocol.Udp, datagramBytes);
      const isUnfilled = cursor.acceptUnfilled && checksum === fold(pseudo);
      if (!isUnfilled && !adds(sum(bytes, offset, datagramBytes, pseudo))) return DecodeReason.BadUdpChecksum;
    }
  }
  packet.protocol = Protocol.Udp;
  packet.transportOffset = offset;
  packet.sourcePort = read16(bytes, offset + Offset.SourcePort);
  packet.destinationPort = read16(bytes, offset + Offset.DestinationPort);
  packet.payloadOffset = offset + UDP_HEADER_BYTES;
  packet.payloadLength = datagramBytes - UDP_HEADER_BYTES;
  packet.truncatedBytes = cursor.wireEnd - cursor.end;
  cursor.offset = offset + UDP_HEADER_BYTES;
  return DecodeReason.Ok;
}

/** What `buildUdp` writes; DatagramSpec has it. */
export interface UdpFields {
  sourcePort: number;
  destinationPort: number;
  /** False: zero, "none" (tunnels do so). */
  withChecksum: boolean;
  payload: Uint8Array;
}

/** Writes header, payload and checksum; returns the length of them all. */
export function buildUdp(out: Uint8Array, offset: number, fields: UdpFields, pair: AddressPair): number {
  const payloadBytes = fields.payload.length;
  const length = UDP_HEADER_BYTES + payloadBytes;
  write16(out, offset + Offset.SourcePort, fields.sourcePort);
  write16(out, offset + Offset.DestinationPort, fields.destinationPort);
  write16(out, offset + Offset.Length, length);
  write16(out, offset + Offset.Checksum, 0);
  out.set(fields.payload, offset + UDP_HEADER_BYTES);
  if (fields.withChecksum) {
    const pseudo = sumPseudoHeader(pair, Protocol.Udp, length);
    // RFC 768: a checksum that computes to zero is sent as all ones.
    write16(out, offset + Offset.Checksum, finish(sum(out, offset, length, pseudo)) || 0xffff);
  }
  return length;
}
