/**
 * IPv4 and IPv6 addresses and CIDRs. Written strictly: four decimal parts without leading zeros (others read
 * 010.0.0.1 as octal), no zone, no IPv4-mapped form (one spelling for one address), no bits below the prefix
 * (10.0.0.5/8 may mean the host or the network: a program that cuts connections does not guess).
 */
import ipaddr from "ipaddr.js";

export interface Cidr {
  readonly family: 4 | 6;
  /** Prefix length in the family's own bits: at most 32 or 128. */
  readonly prefix: number;
  /** The address as four big-endian signed words as in decode's Packet; IPv4 is mapped (0, 0, 0xffff, address). */
  readonly words: readonly [number, number, number, number];
}

export const MAX_CIDR_TEXT = 43;

/** An address as a CIDR of full length, or undefined where the text is none. */
export function parseAddress(text: string): Cidr | undefined {
  if (text.length > MAX_CIDR_TEXT) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    const bytes = ipaddr.IPv4.parse(text).toByteArray();
    return bytes.join(".") === text ? { family: 4, prefix: 32, words: [0, 0, 0xffff, word(bytes, 0)] } : undefined;
  }
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  if (address.isIPv4MappedAddress()) return undefined;
  const bytes = address.toByteArray();
  return { family: 6, prefix: 128, words: [word(bytes, 0), word(bytes, 4), word(bytes, 8), word(bytes, 12)] };
}

/** An address and its prefix length, or undefined where the text is none or has bits below the prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const parts = splitCidr(text);
  if (parts === undefined) return undefined;
  return hasHostBits(parts.address, parts.prefix) ? undefined : { ...parts.address, prefix: parts.prefix };
}

/** Mask of a word of which `bits` leading bits count; below 0 is none, above 32 all. */
export function wordMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : ~(-1 >>> bits);
}

/** The two parts of a CIDR, whatever bits its address has. */
export function splitCidr(text: string): { address: Cidr; prefix: number } | undefined {
  const [, host, digits] = /^([^/]{2,39})\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? [];
  if (host === undefined || digits === undefined) return undefined;
  const address = parseAddress(host);
  const prefix = Number(digits);
  return address !== undefined && prefix <= address.prefix ? { address, prefix } : undefined;
}

export function hasHostBits(address: Cidr, prefix: number): boolean {
  const bits = address.family === 4 ? prefix + 96 : prefix;
  return address.words.some((value, index) => (value & ~wordMask(bits - 32 * index)) !== 0);
}

function word(bytes: number[], offset: number): number {
  return (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
}
