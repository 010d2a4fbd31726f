/** Text to address ranges, IPv4 as its mapped IPv6 range (RFC 4291 section 2.5.5.2). Compile time only. */
import { parseAddress, parseCidr, type Cidr } from "../../crds/values/mod.ts";
import { type RangeSet, subtract, union } from "./ranges.ts";

const MAPPED: RangeSet = [{ first: 0xffffn << 32n, last: (0x1_0000n << 32n) - 1n }];

/**
 * The addresses that `text` covers, an address or a CIDR as crds reads them, or undefined where it is neither. An IPv6
 * CIDR never holds an IPv4 address, not even ::/0.
 */
export function parseAddressRange(text: string): RangeSet | undefined {
  const cidr = text.includes("/") ? parseCidr(text) : parseAddress(text);
  return cidr === undefined ? undefined : rangeOf(cidr);
}

/** The addresses of all CIDRs together; one that cannot be read adds nothing (crds has checked them). */
export function cidrsToRanges(texts: readonly string[]): RangeSet {
  return union(...texts.map((text) => parseAddressRange(text) ?? []));
}

/** Word `index` (0 the most significant) of an address, signed as in Packet. */
export function wordOf(value: bigint, index: number): number {
  return Number(BigInt.asIntN(32, value >> BigInt(96 - 32 * index)));
}

function rangeOf(cidr: Cidr): RangeSet {
  const first = cidr.words.reduce((value, word) => (value << 32n) | BigInt(word >>> 0), 0n);
  const hostBits = BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix);
  const range = [{ first, last: first + (1n << hostBits) - 1n }];
  return cidr.family === 4 ? range : subtract(range, MAPPED);
}
