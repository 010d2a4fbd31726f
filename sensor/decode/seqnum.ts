/**
 * Arithmetic on 32-bit sequence numbers (RFC 9293 section 3.4): all comparisons are modulo 2^32, and every
 * number is a signed 32-bit integer. Nobody writes `>>> 0` or `a < b` on sequence numbers elsewhere.
 */

/** `sequence + length` modulo 2^32. */
export function add(sequence: number, length: number): number {
  return (sequence + length) | 0;
}

/** How far `a` lies after `b`: negative when before. Valid when the two are less than 2^31 apart. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

export function after(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** The later of the two. */
export function later(a: number, b: number): number {
  return ((a - b) | 0) > 0 ? a : b;
}
