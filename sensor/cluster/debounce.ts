/** Calls once for a burst: when it has been quiet for a while, and at the latest so long after its beginning. */
export class Debounce {
  readonly #call: () => void;
  readonly #quietMs: number;
  readonly #longestMs: number;
  #timer: NodeJS.Timeout | undefined;
  #deadlineMs = 0;

  constructor(call: () => void, quietMs: number, longestMs: number) {
    this.#call = call;
    this.#quietMs = quietMs;
    this.#longestMs = longestMs;
  }

  poke(): void {
    const nowMs = performance.now();
    if (this.#timer === undefined) this.#deadlineMs = nowMs + this.#longestMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), Math.max(0, Math.min(this.#quietMs, this.#deadlineMs - nowMs)));
  }

  /** When the first of the pokes came that wait for a call; Infinity: none does. */
  get sinceMs(): number {
    return this.#timer === undefined ? Infinity : this.#deadlineMs - this.#longestMs;
  }

  /** Calls now where a call is due. */
  flush(): void {
    if (this.#timer === undefined) return;
    this.close();
    this.#call();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
