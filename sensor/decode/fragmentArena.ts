/**
 * The bytes of unfinished datagrams: each has a table of chunks, so that a byte lies where it will be in the datagram
 * and many small fragments share a chunk. As much memory as Linux gives (`net.ipv4.ipfrag_high_thresh`, 4 MiB).
 */
import { MAX_DATAGRAMS } from "./fragmentTable.ts";

export const FRAGMENT_BYTES = 4 * 1024 * 1024;

const CHUNK_BYTES = 1024;
const CHUNK_SHIFT = 10;
const CHUNKS = FRAGMENT_BYTES / CHUNK_BYTES;
const CHUNKS_A_DATAGRAM = 65_536 / CHUNK_BYTES;

export class FragmentArena {
  /** Chunks in use. */
  used = 0;

  readonly #bytes = new Uint8Array(FRAGMENT_BYTES);
  /** Chunk + 1 for each place of each datagram: 0 is none. */
  readonly #chunks = new Int32Array(MAX_DATAGRAMS * CHUNKS_A_DATAGRAM);
  readonly #free = new Int32Array(CHUNKS);
  #freeCount = 0;
  /** Chunks from here on were never used: their pages are not in memory. */
  #fresh = 0;

  /** Makes room for bytes [first, end) of datagram `entry`; false where there is not enough (some may be taken: see release). */
  reserve(entry: number, first: number, end: number): boolean {
    const base = entry * CHUNKS_A_DATAGRAM;
    for (let place = first >> CHUNK_SHIFT; place <= (end - 1) >> CHUNK_SHIFT; place++) {
      if (this.#chunks[base + place] !== 0) continue;
      let chunk = 0;
      if (this.#freeCount > 0) chunk = this.#free[--this.#freeCount]!;
      else if (this.#fresh < CHUNKS) chunk = this.#fresh++;
      else return false;
      this.#chunks[base + place] = chunk + 1;
      this.used++;
    }
    return true;
  }

  /** Stores `length` bytes at `first`, which is reserved. */
  write(entry: number, first: number, length: number, bytes: Uint8Array, offset: number): void {
    const base = entry * CHUNKS_A_DATAGRAM;
    for (let index = 0; index < length; index++) {
      const position = first + index;
      const chunk = this.#chunks[base + (position >> CHUNK_SHIFT)]! - 1;
      this.#bytes[(chunk << CHUNK_SHIFT) | (position & (CHUNK_BYTES - 1))] = bytes[offset + index]!;
    }
  }

  /** Copies the first `length` bytes, all of which were written, to `out`. */
  copy(entry: number, length: number, out: Uint8Array, offset: number): void {
    const base = entry * CHUNKS_A_DATAGRAM;
    for (let position = 0; position < length; position++) {
      const chunk = this.#chunks[base + (position >> CHUNK_SHIFT)]! - 1;
      out[offset + position] = this.#bytes[(chunk << CHUNK_SHIFT) | (position & (CHUNK_BYTES - 1))]!;
    }
  }

  /** Gives back all that datagram `entry` has. */
  release(entry: number): void {
    const base = entry * CHUNKS_A_DATAGRAM;
    for (let place = 0; place < CHUNKS_A_DATAGRAM; place++) {
      const chunk = this.#chunks[base + place]! - 1;
      if (chunk === -1) continue;
      this.#free[this.#freeCount++] = chunk;
      this.#chunks[base + place] = 0;
      this.used--;
    }
  }
}
