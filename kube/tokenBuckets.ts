/** Token buckets by key, as many as are used at a time. */
import type { Clock } from "./clock.ts";

export interface TokenBucketsOptions {
  readonly burst: number;
  /** One token comes back in this time. */
  readonly refillMs: number;
  /** Buckets at most: the one not used for longest is forgotten, and would be full by then or soon. */
  readonly limit: number;
}

export class TokenBuckets {
  readonly #clock: Clock;
  readonly #options: TokenBucketsOptions;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(clock: Clock, options: TokenBucketsOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** False: there is none left. */
  take(key: string): boolean {
    const { burst, refillMs, limit } = this.#options;
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) / refillMs);
    bucket.atMs = nowMs;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > limit) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
