/** TCP headers (RFC 9293 section 3.1). */
import { read16, read32, write16, write32 } from "./bigEndian.ts";
import { adds, finish, fold, sum, sumPseudoHeader, type AddressPair } from "./checksum.ts";
import { type Cursor, need } from "./cursor.ts";
import type { Packet } from "./packet.ts";
import * as packetModule from "./packet.ts";
import * as reasonModule from "./reason.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { Protocol } = packetModule;
const { DecodeReason } = reasonModule;

const Offset = {
  SourcePort: 0,
  DestinationPort: 2,
  Sequence: 4,
  Acknowledgement: 8,
  DataOffset: 12,
  Flags: 13,
  Window: 14,
  Checksum: 16,
  UrgentPointer: 18,
} as const;

export const TCP_HEADER_BYTES = 20;
export const MAX_TCP_OPTION_BYTES = 40;

/** Header at the cursor into `packet`; options are left to `parseTcpOptions`. */
export function parseTcp(cursor: Cursor, packet: Packet): number {
  const bytes = cursor.bytes;
  const offset = cursor.offset;
  const short = need(cursor, TCP_HEADER_BYTES, DecodeReason.TruncatedTcp);
  if (short !== DecodeReason.Ok) return short;
  const headerBytes = (bytes[offset + Offset.DataOffset]! >> 4) << 2;
  if (headerBytes < TCP_HEADER_BYTES) return DecodeReason.BadTcpDataOffset;
  const cut = need(cursor, headerBytes, DecodeReason.BadTcpDataOffset);
  if (cut !== DecodeReason.Ok) return cut;
  const segmentBytes = cursor.end - offset;
  if (segmentBytes <= cursor.verifyUpToBytes && cursor.end === cursor.wireEnd) {
    const pseudo = sumPseudoHeader(packet, Protocol.Tcp, segmentBytes);
    if (!adds(sum(bytes, offset, segmentBytes, pseudo)) && !isUnfilled(cursor, pseudo)) {
      return DecodeReason.BadTcpChecksum;
    }
  }
  packet.protocol = Protocol.Tcp;
  packet.transportOffset = offset;
  packet.payloadOffset = offset + headerBytes;
  packet.payloadLength = segmentBytes - headerBytes;
  packet.truncatedBytes = cursor.wireEnd - cursor.end;
  packet.sourcePort = read16(bytes, offset + Offset.SourcePort);
  packet.destinationPort = read16(bytes, offset + Offset.DestinationPort);
  packet.sequence = read32(bytes, offset + Offset.Sequence);
  packet.acknowledgement = read32(bytes, offset + Offset.Acknowledgement);
  packet.flags = bytes[offset + Offset.Flags]!;
  packet.window = read16(bytes, offset + Offset.Window);
  packet.urgentPointer = read16(bytes, offset + Offset.UrgentPointer);
  return DecodeReason.Ok;
}

function isUnfilled(cursor: Cursor, pseudo: number): boolean {
  return cursor.acceptUnfilled && read16(cursor.bytes, cursor.offset + Offset.Checksum) === fold(pseudo);
}

/** What `buildTcp` writes; SegmentSpec has it. */
export interface TcpFields {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgement: number;
  flags: number;
  window: number;
  urgentPointer: number;
  /** Raw option bytes; padded with end-of-list to a multiple of four. */
  options: Uint8Array;
  payload: Uint8Array;
}

export function tcpLength(fields: TcpFields): number {
  return TCP_HEADER_BYTES + ((fields.options.length + 3) & ~3) + fields.payload.length;
}

/** Writes header, options, payload and checksum; returns the length of them all. Options are 40 bytes at most. */
export function buildTcp(out: Uint8Array, offset: number, fields: TcpFields, pair: AddressPair): number {
  const optionBytes = fields.options.length;
  const headerBytes = TCP_HEADER_BYTES + ((optionBytes + 3) & ~3);
  write16(out, offset + Offset.SourcePort, fields.sourcePort);
  write16(out, offset + Offset.DestinationPort, fields.destinationPort);
  write32(out, offset + Offset.Sequence, fields.sequence);
  write32(out, offset + Offset.Acknowledgement, fields.acknowledgement);
  out[offset + Offset.DataOffset] = headerBytes << 2;
  out[offset + Offset.Flags] = fields.flags;
  write16(out, offset + Offset.Window, fields.window);
  write16(out, offset + Offset.Checksum, 0);
  write16(out, offset + Offset.UrgentPointer, fields.urgentPointer);
  for (let index = TCP_HEADER_BYTES; index < headerBytes; index++) {
    const option = index - TCP_HEADER_BYTES;
    out[offset + index] = option < optionBytes ? fields.options[option]! : 0;
  }
  const payloadBytes = fields.payload.length;
  for (let index = 0; index < payloadBytes; index++) out[offset + headerBytes + index] = fields.payload[index]!;
  const length = headerBytes + payloadBytes;
  const pseudo = sumPseudoHeader(pair, Protocol.Tcp, length);
  write16(out, offset + Offset.Checksum, finish(sum(out, offset, length, pseudo)));
  return length;
}
