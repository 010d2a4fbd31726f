/**
 * Which bytes of a datagram are there, as Linux sees it (`net/ipv4/inet_fragment.c`, inet_frag_queue_insert): fragments
 * that arrive one after the other at the end form a run; one that lies inside a single run is a duplicate, one that
 * touches a run in any other way is an overlap. Fragments start at multiples of eight, so two bit maps a datagram say it
 * all: blocks that are covered, and blocks where a run starts.
 *
 * Invariant: only the highest fragment may end inside a block (the rules before this see to it).
 */
import { MAX_DATAGRAMS } from "./fragmentTable.ts";

export const Coverage = { Added: 0, Duplicate: 1, Overlap: 2 } as const;

const BLOCK_SHIFT = 3;
const MAP_WORDS = 65_536 / 8 / 32;

export class FragmentCoverage {
  readonly #covered = new Int32Array(MAX_DATAGRAMS * MAP_WORDS);
  readonly #runStarts = new Int32Array(MAX_DATAGRAMS * MAP_WORDS);
  /** End of the highest fragment of each datagram, 0 where there is none. */
  readonly #tailEnd = new Int32Array(MAX_DATAGRAMS);

  clear(entry: number): void {
    const base = entry * MAP_WORDS;
    // What lies beyond the tail was never set.
    const words = (this.#tailEnd[entry]! >> (BLOCK_SHIFT + 5)) + 1;
    for (let word = 0; word < words && word < MAP_WORDS; word++) {
      this.#covered[base + word] = 0;
      this.#runStarts[base + word] = 0;
    }
    this.#tailEnd[entry] = 0;
  }

  /** Adds bytes [first, end), at least one; nothing changes on Duplicate or Overlap. */
  add(entry: number, first: number, end: number): number {
    const tailEnd = this.#tailEnd[entry]!;
    const base = entry * MAP_WORDS;
    const firstBlock = first >> BLOCK_SHIFT;
    const lastBlock = (end - 1) >> BLOCK_SHIFT;
    let startsRun = true;
    if (end > tailEnd) {
      if (first < tailEnd) return Coverage.Overlap;
      startsRun = tailEnd === 0 || first !== tailEnd;
      this.#tailEnd[entry] = end;
    } else {
      const covered = this.#countCovered(base, firstBlock, lastBlock);
      if (covered === lastBlock - firstBlock + 1 && !this.#hasRunStart(base, firstBlock + 1, lastBlock)) {
        return Coverage.Duplicate;
      }
      if (covered > 0) return Coverage.Overlap;
    }
    for (let block = firstBlock; block <= lastBlock; block++) this.#covered[base + (block >> 5)]! |= 1 << (block & 31);
    if (startsRun) this.#runStarts[base + (firstBlock >> 5)]! |= 1 << (firstBlock & 31);
    return Coverage.Added;
  }

  #countCovered(base: number, firstBlock: number, lastBlock: number): number {
    let count = 0;
    for (let block = firstBlock; block <= lastBlock; block++) {
      count += (this.#covered[base + (block >> 5)]! >>> (block & 31)) & 1;
    }
    return count;
  }

  #hasRunStart(base: number, firstBlock: number, lastBlock: number): boolean {
    for (let block = firstBlock; block <= lastBlock; block++) {
      if (((this.#runStarts[base + (block >> 5)]! >>> (block & 31)) & 1) !== 0) return true;
    }
    return false;
  }
}
