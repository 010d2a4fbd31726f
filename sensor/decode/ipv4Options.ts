/**
 * IPv4 options, judged as Linux does when it receives a packet (`net/ipv4/ip_options.c`, ip_options_compile): a packet
 * with damaged options never reaches a socket, so its bytes must not reach ours.
 */
import { DecodeReason } from "./reason.ts";

const Kind = {
  End: 0,
  NoOperation: 1,
  RecordRoute: 7,
  Timestamp: 68,
  LooseSourceRoute: 131,
  StrictSourceRoute: 137,
  RouterAlert: 148,
} as const;

/** Ok, BadIpv4Options or Ipv4SourceRoute (`accept_source_route` is off on Linux hosts). */
export function parseIpv4Options(bytes: Uint8Array, offset: number, length: number): number {
  const end = offset + length;
  let position = offset;
  let seen = 0;
  while (position < end) {
    const kind = bytes[position]!;
    if (kind === Kind.End) return DecodeReason.Ok;
    if (kind === Kind.NoOperation) {
      position++;
      continue;
    }
    if (end - position < 2) return DecodeReason.BadIpv4Options;
    const optionBytes = bytes[position + 1]!;
    if (optionBytes < 2 || optionBytes > end - position) return DecodeReason.BadIpv4Options;
    if (kind === Kind.LooseSourceRoute || kind === Kind.StrictSourceRoute) return DecodeReason.Ipv4SourceRoute;
    if (kind === Kind.RecordRoute || kind === Kind.Timestamp) {
      const bit = kind === Kind.RecordRoute ? 1 : 2;
      if ((seen & bit) !== 0 || !isRecordSound(bytes, position, optionBytes, kind)) return DecodeReason.BadIpv4Options;
      seen |= bit;
    } else if (kind === Kind.RouterAlert && optionBytes < 4) {
      return DecodeReason.BadIpv4Options;
    }
    position += optionBytes;
  }
  return DecodeReason.Ok;
}

/** Record route and timestamp: the pointer (octet 2, from one) must leave room for the next entry, or be past the end. */
function isRecordSound(bytes: Uint8Array, position: number, optionBytes: number, kind: number): boolean {
  const isTimestamp = kind === Kind.Timestamp;
  if (optionBytes < (isTimestamp ? 4 : 3)) return false;
  const pointer = bytes[position + 2]!;
  if (pointer < (isTimestamp ? 5 : 4)) return false;
  const mode = isTimestamp ? bytes[position + 3]! & 15 : 0;
  if (pointer > optionBytes) return !isTimestamp || mode === 3 || bytes[position + 3]! >> 4 !== 15;
  const entryBytes = mode === 0 ? 4 : 8;
  return pointer + entryBytes - 1 <= optionBytes;
}
