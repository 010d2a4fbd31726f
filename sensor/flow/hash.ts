/**
 * The seeded hash of a connection's tuple. An attacker who picks addresses and ports must not be able to pick
 * the bucket, so every multiplier and every added word comes from the seed, and a word passes two secret
 * multiplications before the next one is mixed in (one alone lets a flip of the top bit be cancelled by the next
 * word whatever the seed is). The two endpoints are hashed alone and joined by a sum: both directions of a
 * connection give the same number.
 */

/** Second word of an IPv4-mapped address (RFC 4291 section 2.5.5.2). */
const MAPPED = 0xffff;

export class TupleHash {
  private readonly start: number;
  private readonly first: number;
  private readonly second: number;
  private readonly addend: number;
  private readonly last: number;

  /** Any number; its 53 bits are used. The same seed gives the same hash. */
  constructor(seed: number) {
    const whole = Math.abs(Math.trunc(seed));
    let state = ((whole % 0x1_0000_0000) ^ Math.imul(Math.trunc(whole / 0x1_0000_0000), 0x9e3779b1)) | 0;
    const draw = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15) ^ Math.trunc(whole / 0x1_0000_0000), 0x735a2d97);
      return (word ^ (word >>> 15)) | 0;
    };
    this.start = draw();
    this.first = draw() | 1;
    this.second = draw() | 1;
    this.addend = draw();
    this.last = draw() | 1;
  }

  /** Of one end: the four address words and the port. */
  endpoint(word0: number, word1: number, word2: number, word3: number, port: number): number {
    let hash = this.start;
    if ((word0 | word1) !== 0 || word2 !== MAPPED) {
      hash = this.mix(hash, word0);
      hash = this.mix(hash, word1);
      hash = this.mix(hash, word2);
    }
    return this.mix(this.mix(hash, word3), port);
  }

  /** Of a connection, from its two endpoint hashes in any order. */
  join(one: number, other: number): number {
    const hash = Math.imul((one + other) ^ this.addend, this.last);
    return hash ^ (hash >>> 16);
  }

  private mix(hash: number, word: number): number {
    let mixed = Math.imul(hash ^ (word + this.addend), this.first);
    mixed = Math.imul(mixed ^ (mixed >>> 15), this.second);
    return mixed ^ (mixed >>> 13);
  }
}
