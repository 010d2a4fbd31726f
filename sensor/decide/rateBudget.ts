/**
 * Connections a minute, as token buckets: one for the node, one for what the node would have done under Observe, one a
 * policy. A source (the client's address) may use at most half of what would be left without it, so that one noisy or
 * hostile client cannot use up what protects from the others; the first connection of a source is never too much.
 *
 * Buckets are known by name, whatever number a policy has: writing a policy again does not refill its bucket, and
 * Workers that do not have the new policy at the same moment draw on the same one.
 */
import { BudgetMemory } from "./budgetMemory.ts";
import { MAX_BUCKETS, MAX_SOURCES } from "./limits.ts";

/** Bucket numbers; policy `p` has FirstPolicy + p. */
export const Bucket = { Node: 0, NodeObserving: 1, FirstPolicy: 2 } as const;

/** Places where a policy's bucket, or a source, may stand: what was used least gives way. */
const BUCKET_WAYS = 32;
const SOURCE_WAYS = 4;
const BUCKET_SETS = MAX_BUCKETS / BUCKET_WAYS - 1;
/** The node's own buckets stand here, and nothing else. */
const FIRST_SET = BUCKET_WAYS;

export class RateBudget {
  readonly #memory: BudgetMemory;
  #capacity: Float64Array = new Float64Array(0);
  /** Two words a bucket. */
  #names: Int32Array = new Int32Array(0);

  constructor(memory: SharedArrayBuffer) {
    this.#memory = new BudgetMemory(memory);
  }

  /** Sets the buckets: capacities (connections a minute) and two words each that name them. */
  use(capacities: Float64Array, names: Int32Array): void {
    this.#capacity = capacities;
    this.#names = names;
  }

  /** From here to `unlock()` no other Worker takes anything: what `allows` says holds for `take`. */
  lock(): void {
    this.#memory.lock();
  }

  unlock(): void {
    this.#memory.unlock();
  }

  /**
   * Whether the bucket has a connection left for a source (address words at `words[at]`). `waits`: for one that has
   * waited, which leaves half of the bucket to others.
   */
  allows(bucket: number, words: Int32Array, at: number, nowMs: number, waits = false): boolean {
    const left = this.left(bucket, nowMs);
    if (left < 1 || (waits && this.leftOver(bucket, nowMs) < 1)) return false;
    const entry = this.#memory.find(this.#sourceSet(bucket, words, at), SOURCE_WAYS, this.#sourceName(bucket, words, at, 0), this.#sourceName(bucket, words, at, 1));
    const spent = entry < 0 ? 0 : this.#memory.fade(entry, this.#capacity[bucket]! / 2, nowMs);
    return spent < 1 || spent + 1 <= (left + spent) / 2;
  }

  /** Takes a connection from the bucket, in the source's name. */
  take(bucket: number, words: Int32Array, at: number, nowMs: number): void {
    const memory = this.#memory;
    const capacity = this.#capacity[bucket]!;
    const entry = this.#place(bucket, true, nowMs);
    memory.used[entry] = Math.min(capacity, memory.fade(entry, capacity, nowMs) + 1);
    const source = memory.obtain(this.#sourceSet(bucket, words, at), SOURCE_WAYS, this.#sourceName(bucket, words, at, 0), this.#sourceName(bucket, words, at, 1), nowMs);
    memory.used[source] = memory.fade(source, capacity / 2, nowMs) + 1;
  }

  left(bucket: number, nowMs: number): number {
    const capacity = this.#capacity[bucket]!;
    const entry = this.#place(bucket, false, nowMs);
    return entry < 0 ? capacity : Math.max(0, capacity - this.#memory.fade(entry, capacity, nowMs));
  }

  /** What is left beyond half of the bucket. */
  leftOver(bucket: number, nowMs: number): number {
    return this.left(bucket, nowMs) - Math.floor(this.#capacity[bucket]! / 2);
  }

  #place(bucket: number, make: boolean, nowMs: number): number {
    if (bucket < Bucket.FirstPolicy) return bucket;
    const name0 = this.#names[bucket * 2]!;
    const name1 = this.#names[bucket * 2 + 1]!;
    const first = FIRST_SET + ((name0 >>> 0) % BUCKET_SETS) * BUCKET_WAYS;
    return make ? this.#memory.obtain(first, BUCKET_WAYS, name0, name1, nowMs) : this.#memory.find(first, BUCKET_WAYS, name0, name1);
  }

  #sourceSet(bucket: number, words: Int32Array, at: number): number {
    return MAX_BUCKETS + ((this.#sourceName(bucket, words, at, 0) >>> 0) % (MAX_SOURCES / SOURCE_WAYS)) * SOURCE_WAYS;
  }

  /** One word of two, of the bucket and the source; an IPv6 source is its /64, which is what one customer has. */
  #sourceName(bucket: number, words: Int32Array, at: number, word: 0 | 1): number {
    const multiplier = word === 0 ? 0x9e3779b1 : 0x85ebca6b;
    const ipv4 = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff;
    let hash = Math.imul((this.#memory.seed ^ this.#names[bucket * 2]!) + 0x9e3779b9, multiplier);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (ipv4 ? words[at + 3]! : words[at]!), multiplier);
    hash = Math.imul(hash ^ (hash >>> 13) ^ (ipv4 ? 0xffff : words[at + 1]!), multiplier);
    hash ^= hash >>> 16;
    return word === 0 ? hash : hash | 1;
  }
}
