/**
 * Which Worker acts on which connection, where several see one connection under two tuples (a pod that calls the pod
 * beside it by a service address). Known by its two initial sequence numbers, which a translation leaves alone. The
 * Workers share one memory: a claim is one word, so it is made at once or not at all.
 *
 * The table forgets (a claim gives way to a newer one of its place): then two Workers act on one connection, which
 * costs RSTs and a second report, nothing else.
 */

const PLACE_BITS = 16;
const PLACES = 1 << PLACE_BITS;
const FINGERPRINT_MASK = 0xffff0000 | 0;
/** Of a claim's word beside the fingerprint: the Worker (from 1) and the time. */
const WORKER_SHIFT = 9;
const TICK_MASK = (1 << WORKER_SHIFT) - 1;
const TICK_MS = 250;
/** Longer than a kill takes with its watch. After it another Worker may try. */
const CLAIM_TICKS = 24;
export const MAX_CLAIMANTS = (1 << (16 - WORKER_SHIFT)) - 1;

export function createClaims(): SharedArrayBuffer {
  return new SharedArrayBuffer(PLACES * 4);
}

export class Claims {
  readonly #words: Int32Array;
  readonly #worker: number;

  /** @param worker from 0, below MAX_CLAIMANTS. */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    this.#words = new Int32Array(buffer);
    this.#worker = worker + 1;
  }

  /** True where another Worker has claimed the connection a moment ago. */
  isTaken(isn0: number, isn1: number, nowMs: number): boolean {
    const key = keyOf(isn0, isn1);
    return this.#isOthers(Atomics.load(this.#words, key & (PLACES - 1)), key, tickOf(nowMs));
  }

  /** Claims the connection for this Worker; false where another has. */
  take(isn0: number, isn1: number, nowMs: number): boolean {
    const words = this.#words;
    const key = keyOf(isn0, isn1);
    const place = key & (PLACES - 1);
    const mine = (key & FINGERPRINT_MASK) | (this.#worker << WORKER_SHIFT) | tickOf(nowMs);
    for (;;) {
      const found = Atomics.load(words, place);
      if (this.#isOthers(found, key, tickOf(nowMs))) return false;
      if (Atomics.compareExchange(words, place, found, mine) === found) return true;
    }
  }

  #isOthers(word: number, key: number, tick: number): boolean {
    if (word === 0 || ((word ^ key) & FINGERPRINT_MASK) !== 0) return false;
    if (((word & 0xffff) >>> WORKER_SHIFT) === this.#worker) return false;
    // The Workers' clocks are their packets': either may be a little ahead.
    const age = (tick - word) & TICK_MASK;
    return age <= CLAIM_TICKS || age > TICK_MASK - CLAIM_TICKS;
  }
}

/** The same whichever side is taken for the first. */
function keyOf(isn0: number, isn1: number): number {
  return mix(isn0) + mix(isn1) | 0;
}

function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function tickOf(nowMs: number): number {
  return Math.floor(nowMs / TICK_MS) & TICK_MASK;
}
