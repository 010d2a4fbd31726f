/**
 * HalfSipHash-2-4 with 32-bit output (Aumasson and Bernstein's SipHash on 32-bit words, as in the Linux kernel's
 * `hsiphash`) over four words. Keyed, so that who does not know the key cannot make a mark.
 */

/** `key0`, `key1` and all words are signed 32-bit. Returns a signed 32-bit hash; `lane` chooses independent hashes. */
export function halfSipHash(key0: number, key1: number, word0: number, word1: number, word2: number, lane: number): number {
  let v0 = key0;
  let v1 = key1;
  let v2 = 0x6c796765 ^ key0;
  let v3 = 0x74656462 ^ key1;
  for (let block = 0; block < 5; block++) {
    // The fifth block is the length, as the algorithm pads: 16 bytes in the top byte.
    const word = block === 0 ? word0 : block === 1 ? word1 : block === 2 ? word2 : block === 3 ? lane : 16 << 24;
    v3 ^= word;
    for (let round = 0; round < 2; round++) {
      v0 = (v0 + v1) | 0; v1 = rotate(v1, 5) ^ v0; v0 = rotate(v0, 16);
      v2 = (v2 + v3) | 0; v3 = rotate(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0; v3 = rotate(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0; v1 = rotate(v1, 13) ^ v2; v2 = rotate(v2, 16);
    }
    v0 ^= word;
  }
  v2 ^= 0xff;
  for (let round = 0; round < 4; round++) {
    v0 = (v0 + v1) | 0; v1 = rotate(v1, 5) ^ v0; v0 = rotate(v0, 16);
    v2 = (v2 + v3) | 0; v3 = rotate(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0; v3 = rotate(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0; v1 = rotate(v1, 13) ^ v2; v2 = rotate(v2, 16);
  }
  return v1 ^ v3;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
