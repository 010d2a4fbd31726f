/**
 * The internet checksum (RFC 1071) as a running sum: start with 0 or a pseudo-header, `sum()` range after range
 * (all but the last of even length), `finish()` once. Nothing is allocated.
 */

/** Below this the byte-wise sum is as quick. */
const SHORT_BYTES = 64;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** Longest range whose sum stays far from 2^31 before it is folded. */
const BLOCK_BYTES = 32_768;

/** `partial` plus the 16-bit words of `length` bytes from `offset`; an odd last byte is padded with zero. Not complemented. */
export function sum(bytes: Uint8Array, offset: number, length: number, partial: number): number {
  let total = fold(partial);
  let position = offset;
  let left = length;
  while (left > 0) {
    const take = left < BLOCK_BYTES ? left : BLOCK_BYTES;
    total = fold(total + sumBlock(bytes, position, take));
    position += take;
    left -= take;
  }
  return total;
}

function sumBlock(bytes: Uint8Array, offset: number, length: number): number {
  let even = 0;
  let odd = 0;
  let position = offset;
  const end = offset + length;
  const unrolledEnd = end - 7;
  for (; position < unrolledEnd; position += 8) {
    even += bytes[position]! + bytes[position + 2]! + bytes[position + 4]! + bytes[position + 6]!;
    odd += bytes[position + 1]! + bytes[position + 3]! + bytes[position + 5]! + bytes[position + 7]!;
  }
  for (; position + 1 < end; position += 2) {
    even += bytes[position]!;
    odd += bytes[position + 1]!;
  }
  if (position < end) even += bytes[position]!;
  return (even << 8) + odd;
}

/**
 * The same as `sum()`, by words where that can be: `words` is the view of `bytes` (WordViews). The sum of halves in the
 * machine's order is that in network order with its bytes swapped (RFC 1071 section 2).
 */
export function sumByWords(bytes: Uint8Array, words: Int32Array, offset: number, length: number, partial: number): number {
  const lead = offset & 3;
  if ((lead & 1) !== 0 || length < SHORT_BYTES || length > BLOCK_BYTES || words.length === 0) return sum(bytes, offset, length, partial);
  let total = fold(partial);
  if (lead === 2) total += (bytes[offset]! << 8) | bytes[offset + 1]!;
  const first = (offset + 3) >> 2;
  const end = Math.min((offset + length) >> 2, words.length);
  const unrolledEnd = end - 3;
  let low = 0;
  let high = 0;
  let at = first;
  for (; at < unrolledEnd; at += 4) {
    const word0 = words[at]!;
    const word1 = words[at + 1]!;
    const word2 = words[at + 2]!;
    const word3 = words[at + 3]!;
    low += (word0 & 0xffff) + (word1 & 0xffff) + (word2 & 0xffff) + (word3 & 0xffff);
    high += (word0 >>> 16) + (word1 >>> 16) + (word2 >>> 16) + (word3 >>> 16);
  }
  for (; at < end; at++) {
    const word = words[at]!;
    low += word & 0xffff;
    high += word >>> 16;
  }
  const halves = fold(fold(low) + fold(high));
  total += IS_LITTLE_ENDIAN ? ((halves & 0xff) << 8) | (halves >>> 8) : halves;
  const rest = end * 4;
  return sum(bytes, rest, offset + length - rest, total);
}

/** `partial` plus the two halves of a 32-bit word. */
function sumWord(partial: number, word: number): number {
  return partial + (word >>> 16) + (word & 0xffff);
}

/** The 16-bit one's complement sum. `partial` is below 2^31. */
export function fold(partial: number): number {
  let folded = (partial & 0xffff) + (partial >>> 16);
  folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** What goes into the header: the complement of the folded sum. */
export function finish(partial: number): number {
  return ~fold(partial) & 0xffff;
}

/** True where a range that holds its own checksum adds up. */
export function adds(partial: number): boolean {
  return fold(partial) === 0xffff;
}

/** What a pseudo-header is made of; Packet and the build specs both have it. */
export interface AddressPair {
  source0: number;
  source1: number;
  source2: number;
  source3: number;
  destination0: number;
  destination1: number;
  destination2: number;
  destination3: number;
}

/**
 * Sum of the pseudo-header of IPv4 (RFC 9293 section 3.1) or IPv6 (RFC 8200 section 8.1). One function does both:
 * the 0xffff of a mapped IPv4 address is the zero of one's complement.
 */
export function sumPseudoHeader(pair: AddressPair, protocol: number, lengthBytes: number): number {
  let total = protocol + (lengthBytes >>> 16) + (lengthBytes & 0xffff);
  total = sumWord(total, pair.source0);
  total = sumWord(total, pair.source1);
  total = sumWord(total, pair.source2);
  total = sumWord(total, pair.source3);
  total = sumWord(total, pair.destination0);
  total = sumWord(total, pair.destination1);
  total = sumWord(total, pair.destination2);
  total = sumWord(total, pair.destination3);
  return fold(total);
}
