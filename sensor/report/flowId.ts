/**
 * The number that names a connection in events: a hash of its tuple and of what tells it from the next connection
 * on the same tuple. Not secret, not seeded: the same capture gives the same numbers for ever, and so do two
 * sensors that saw the same SYN.
 */

/** Words of a tuple as in the flow record: two addresses of four words, the ports. */
export const TUPLE_WORDS = 9;

/**
 * `words[base ...]` is the tuple, client first. `birth` is the client's initial sequence number where the SYN was
 * seen, else the time of the first packet (milliseconds): either stays the same for the connection's life.
 * The result is below 2^53, so that every JSON reader keeps it exact.
 */
export function flowId(words: Int32Array, base: number, birth: number): number {
  let high = 0x5bd1e995;
  let low = 0x1b873593;
  for (let i = 0; i < TUPLE_WORDS; i++) {
    high = mix(high, words[base + i]);
    low = mix(low, words[base + i] ^ 0x55555555);
  }
  const micros = Math.round(birth * 1000);
  high = mix(mix(high, micros | 0), (micros / 0x1_0000_0000) | 0);
  low = mix(mix(low, (micros / 0x1_0000_0000) | 0), micros | 0);
  return (finish(high) >>> 11) * 0x1_0000_0000 + (finish(low) >>> 0);
}

/** One round of MurmurHash3 (Appleby, public domain). */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
