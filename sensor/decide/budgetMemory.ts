/**
 * What was used of the budgets, in one memory that all Workers of a node share: who is granted a connection takes it from
 * all of them. Whoever asks and takes holds the lock meanwhile, so that two Workers never both take the last one; that
 * is a few microseconds, where something was found.
 *
 * Entries fade away in a minute, and a place whose entry has faded is free: nothing need be given back.
 */
import { MAX_BUCKETS, MAX_SOURCES } from "./limits.ts";

/** Int32 words before the doubles: the lock, the seed of the table of sources. */
const Header = { Lock: 0, Seed: 1, Words: 2 } as const;
const ENTRIES = MAX_BUCKETS + MAX_SOURCES;
/** A Worker that was put to sleep with the lock wakes soon; to look again costs more than that. */
const LOOKS_BEFORE_REST = 100;
const REST_MS = 1;
const MINUTE_MS = 60_000;
const LONGEST_MS = 2 * MINUTE_MS;

/** @param seed of the hash of sources: random where traffic is live. */
export function createBudgets(seed: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(Header.Words * 4 + ENTRIES * 24);
  new Int32Array(buffer)[Header.Seed] = seed;
  return buffer;
}

/** Entry `i`: two words of a name at `2 * i`, what was used, and when that was so. Buckets first, then sources. */
export class BudgetMemory {
  readonly names: Int32Array;
  /** Connections. */
  readonly used: Float64Array;
  readonly usedMs: Float64Array;
  readonly seed: number;
  readonly #header: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#header = new Int32Array(buffer, 0, Header.Words);
    this.seed = this.#header[Header.Seed]!;
    this.used = new Float64Array(buffer, Header.Words * 4, ENTRIES);
    this.usedMs = new Float64Array(buffer, Header.Words * 4 + ENTRIES * 8, ENTRIES);
    this.names = new Int32Array(buffer, Header.Words * 4 + ENTRIES * 16, ENTRIES * 2);
  }

  lock(): void {
    const header = this.#header;
    for (let looks = 1; Atomics.compareExchange(header, Header.Lock, 0, 1) !== 0; looks++) {
      if (looks % LOOKS_BEFORE_REST === 0) Atomics.wait(header, Header.Lock, 1, REST_MS);
    }
  }

  unlock(): void {
    Atomics.store(this.#header, Header.Lock, 0);
  }

  /** Of the `ways` places from `first` on, the entry of that name, -1 where there is none. */
  find(first: number, ways: number, name0: number, name1: number): number {
    for (let entry = first; entry < first + ways; entry++) {
      if (this.names[entry * 2] === name0 && this.names[entry * 2 + 1] === name1) return entry;
    }
    return -1;
  }

  /** The same, made where there is none: in the place of what was used least, which has faded first. */
  obtain(first: number, ways: number, name0: number, name1: number, nowMs: number): number {
    const known = this.find(first, ways, name0, name1);
    if (known >= 0) return known;
    let least = first;
    for (let entry = first; entry < first + ways; entry++) {
      if (this.#leftOver(entry, nowMs) < this.#leftOver(least, nowMs)) least = entry;
    }
    this.names[least * 2] = name0;
    this.names[least * 2 + 1] = name1;
    this.used[least] = 0;
    this.usedMs[least] = nowMs;
    return least;
  }

  /** What is left of an entry after `fadedPerMinute` connections a minute have been given back. */
  fade(entry: number, fadedPerMinute: number, nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.usedMs[entry]!);
    this.used[entry] = Math.max(0, this.used[entry]! - (fadedPerMinute * elapsedMs) / MINUTE_MS);
    this.usedMs[entry] = Math.max(nowMs, this.usedMs[entry]!);
    return this.used[entry]!;
  }

  /** Whose rate is not known here: a bucket is full again after a minute whatever it is, a source's share after two. */
  #leftOver(entry: number, nowMs: number): number {
    return nowMs - this.usedMs[entry]! >= LONGEST_MS ? 0 : this.used[entry]!;
  }
}
