/**
 * Connections a minute, as token buckets: one for the node, one for what the node would have done under Observe, one a
 * policy. A source (the client's address) may use at most half of what would be left without it, so that one noisy or
 * hostile client cannot use up what protects from the others; the first connection of a source is never too much.
 */
import { MAX_SOURCES } from "./limits.ts";

/** Bucket numbers; policy `p` has FirstPolicy + p. */
export const Bucket = { Node: 0, NodeObserving: 1, FirstPolicy: 2 } as const;

const MINUTE_MS = 60_000;
/** Entries of a set of the table of sources: the least of them gives way. */
const WAYS = 4;

export class RateBudget {
  readonly #seed: number;
  #capacity: Float64Array = new Float64Array(0);
  /** What a source's share is kept by: a bucket's number changes with the policies, its name does not. */
  #names: Int32Array = new Int32Array(0);
  #tokens: Float64Array = new Float64Array(0);
  #filledMs: Float64Array = new Float64Array(0);
  // The table of sources: what each has used of a bucket, fading at half the bucket's rate.
  readonly #keys = new Int32Array(MAX_SOURCES * 2);
  readonly #spent = new Float64Array(MAX_SOURCES);
  readonly #spentMs = new Float64Array(MAX_SOURCES);

  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /**
   * Sets the buckets: capacities (connections a minute) and the words that name them. `previous[b]` is the old number
   * of bucket `b`, -1 where it is new: what was used stays used, so that writing a policy again does not refill it.
   */
  resize(capacities: Float64Array, names: Int32Array, previous: Int32Array): void {
    const tokens = new Float64Array(capacities.length);
    const filledMs = new Float64Array(capacities.length);
    for (let bucket = 0; bucket < capacities.length; bucket++) {
      const old = previous[bucket]!;
      const used = old < 0 ? 0 : this.#capacity[old]! - this.#tokens[old]!;
      tokens[bucket] = Math.max(0, capacities[bucket]! - used);
      filledMs[bucket] = old < 0 ? 0 : this.#filledMs[old]!;
    }
    this.#capacity = capacities;
    this.#tokens = tokens;
    this.#filledMs = filledMs;
    this.#names = names;
  }

  /** Whether the bucket has a connection left for a source (address words at `words[at]`). Changes no share. */
  allows(bucket: number, words: Int32Array, at: number, nowMs: number): boolean {
    this.#fill(bucket, nowMs);
    const left = this.#tokens[bucket]!;
    if (left < 1) return false;
    const entry = this.#find(bucket, words, at);
    const spent = entry < 0 ? 0 : this.#fade(bucket, entry, nowMs);
    return spent < 1 || spent + 1 <= (left + spent) / 2;
  }

  /** Takes a connection from the bucket, in the source's name. */
  take(bucket: number, words: Int32Array, at: number, nowMs: number): void {
    this.#fill(bucket, nowMs);
    this.#tokens[bucket] = Math.max(0, this.#tokens[bucket]! - 1);
    const entry = this.#obtain(bucket, words, at, nowMs);
    this.#spent[entry] = this.#fade(bucket, entry, nowMs) + 1;
  }

  left(bucket: number, nowMs: number): number {
    this.#fill(bucket, nowMs);
    return this.#tokens[bucket]!;
  }

  #fill(bucket: number, nowMs: number): void {
    const capacity = this.#capacity[bucket]!;
    const elapsedMs = Math.max(0, nowMs - this.#filledMs[bucket]!);
    this.#tokens[bucket] = Math.min(capacity, this.#tokens[bucket]! + (capacity * elapsedMs) / MINUTE_MS);
    this.#filledMs[bucket] = Math.max(nowMs, this.#filledMs[bucket]!);
  }

  #fade(bucket: number, entry: number, nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#spentMs[entry]!);
    this.#spent[entry] = Math.max(0, this.#spent[entry]! - (this.#capacity[bucket]! * elapsedMs) / (2 * MINUTE_MS));
    this.#spentMs[entry] = Math.max(nowMs, this.#spentMs[entry]!);
    return this.#spent[entry]!;
  }

  #find(bucket: number, words: Int32Array, at: number): number {
    const hash = this.#hash(bucket, words, at, 0x9e3779b1);
    const check = this.#hash(bucket, words, at, 0x85ebca6b) | 1;
    const first = (hash >>> 0) % (MAX_SOURCES / WAYS) * WAYS;
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.#keys[entry * 2] === hash && this.#keys[entry * 2 + 1] === check) return entry;
    }
    return -1;
  }

  #obtain(bucket: number, words: Int32Array, at: number, nowMs: number): number {
    const known = this.#find(bucket, words, at);
    if (known >= 0) return known;
    const hash = this.#hash(bucket, words, at, 0x9e3779b1);
    const first = (hash >>> 0) % (MAX_SOURCES / WAYS) * WAYS;
    let least = first;
    for (let entry = first + 1; entry < first + WAYS; entry++) {
      if (this.#spent[entry]! < this.#spent[least]!) least = entry;
    }
    this.#keys[least * 2] = hash;
    this.#keys[least * 2 + 1] = this.#hash(bucket, words, at, 0x85ebca6b) | 1;
    this.#spent[least] = 0;
    this.#spentMs[least] = nowMs;
    return least;
  }

  /** Of the bucket and the source; an IPv6 source is its /64, which is what one customer has. */
  #hash(bucket: number, words: Int32Array, at: number, multiplier: number): number {
    const ipv4 = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff;
    let hash = Math.imul((this.#seed ^ this.#names[bucket]!) + 0x9e3779b9, multiplier);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (ipv4 ? words[at + 3]! : words[at]!), multiplier);
    hash = Math.imul(hash ^ (hash >>> 13) ^ (ipv4 ? 0xffff : words[at + 1]!), multiplier);
    return hash ^ (hash >>> 16);
  }
}
