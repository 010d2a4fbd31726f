/** The queue of a controller: client-go's work queue (dirty and processing sets), delays and back-off by key. */
import { backoffMs, LONGEST_REST_MS } from "./backoff.ts";

export interface QueueOptions {
  readonly name: string;
  /** Keys in hand at one time. */
  readonly workers: number;
  /** Resolves to milliseconds after which the key is looked at again, or to nothing. A rejection backs off. */
  reconcile(key: string, signal: AbortSignal): Promise<number | undefined>;
  /** Called for each failure, with what it was and how long the key rests now. */
  onError?(key: string, error: unknown, restMs: number): void;
  /** At least so long after this error: what a server asked for (Retry-After). Five minutes at most are believed. */
  restOf?(error: unknown): number | undefined;
}

export interface QueueFigures {
  readonly name: string;
  /** Keys that wait for a hand. */
  readonly depth: number;
  readonly inHand: number;
  /** Keys that wait for their time. */
  readonly delayed: number;
  readonly added: number;
  readonly done: number;
  readonly failures: number;
  /** Seconds in hand, in all. */
  readonly workSeconds: number;
}

/** A key that waits for its time. */
interface Delay {
  readonly timer: NodeJS.Timeout;
  readonly dueMs: number;
  /** It failed: nothing brings it forward. */
  readonly isRest: boolean;
}

/** Looked at sooner than asked for, which harms nothing; a timer of more than 24 days would fire at once. */
const LONGEST_DELAY_MS = 86_400_000;

export class KeyedQueue {
  readonly #options: QueueOptions;
  /** In the order in which they came (a Set keeps it). */
  readonly #waiting = new Set<string>();
  /** True: added again meanwhile. */
  readonly #inHand = new Map<string, boolean>();
  readonly #delays = new Map<string, Delay>();
  readonly #failuresInARow = new Map<string, number>();
  readonly #ending = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #added = 0;
  #done = 0;
  #failures = 0;
  #workMs = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** As soon as a hand is free; a key that failed rests first, however often it is added. */
  add(key: string): void {
    if (this.#ending.signal.aborted) return;
    if (this.#delays.get(key)?.isRest === true) return;
    this.#forgetDelay(key);
    if (this.#inHand.has(key)) {
      this.#inHand.set(key, true);
      return;
    }
    if (this.#waiting.has(key)) return;
    this.#added++;
    this.#waiting.add(key);
    this.#takeUp();
  }

  /** After so many milliseconds, or earlier where it already waits for an earlier time; a key that failed rests first. */
  addAfter(key: string, ms: number): void {
    if (this.#ending.signal.aborted) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const known = this.#delays.get(key);
    if (known !== undefined && (known.isRest || known.dueMs <= performance.now() + ms)) return;
    this.#delay(key, ms, false);
  }

  get figures(): QueueFigures {
    return {
      name: this.#options.name,
      depth: this.#waiting.size,
      inHand: this.#inHand.size,
      delayed: this.#delays.size,
      added: this.#added,
      done: this.#done,
      failures: this.#failures,
      workSeconds: this.#workMs / 1_000,
    };
  }

  /** Nothing new is taken up; resolves when what is in hand (its signal is aborted) has ended. */
  async close(): Promise<void> {
    this.#ending.abort();
    for (const { timer } of this.#delays.values()) clearTimeout(timer);
    this.#delays.clear();
    this.#waiting.clear();
    await Promise.all(this.#work);
  }

  #takeUp(): void {
    for (const key of this.#waiting) {
      if (this.#inHand.size >= this.#options.workers) return;
      this.#waiting.delete(key);
      this.#inHand.set(key, false);
      const work = this.#hold(key).finally(() => this.#work.delete(work));
      this.#work.add(work);
    }
  }

  async #hold(key: string): Promise<void> {
    const startedMs = performance.now();
    try {
      const againMs = await this.#options.reconcile(key, this.#ending.signal);
      this.#failuresInARow.delete(key);
      if (againMs !== undefined) this.addAfter(key, againMs);
    } catch (error) {
      this.#fail(key, error);
    }
    this.#done++;
    this.#workMs += performance.now() - startedMs;
    const addedAgain = this.#inHand.get(key);
    this.#inHand.delete(key);
    if (addedAgain === true && !this.#failuresInARow.has(key)) this.add(key);
    if (!this.#ending.signal.aborted) this.#takeUp();
  }

  /** A key that fails rests even where it was added again: what is broken does not heal by being asked more often. */
  #fail(key: string, error: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#failures++;
    const failures = (this.#failuresInARow.get(key) ?? 0) + 1;
    this.#failuresInARow.set(key, failures);
    const restMs = Math.max(backoffMs(failures, Math.random()), Math.min(LONGEST_REST_MS, this.#options.restOf?.(error) ?? 0));
    this.#delay(key, restMs, true);
    this.#options.onError?.(key, error, restMs);
  }

  /** Instead of whatever it waits for. */
  #delay(key: string, ms: number, isRest: boolean): void {
    this.#forgetDelay(key);
    const waitMs = Math.min(LONGEST_DELAY_MS, ms);
    const timer = setTimeout(() => {
      this.#delays.delete(key);
      this.add(key);
    }, waitMs);
    this.#delays.set(key, { timer, dueMs: performance.now() + waitMs, isRest });
  }

  #forgetDelay(key: string): void {
    const delay = this.#delays.get(key);
    if (delay === undefined) return;
    clearTimeout(delay.timer);
    this.#delays.delete(key);
  }
}
