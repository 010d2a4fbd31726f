/** Waits that grow while nothing gets better, so that no failure makes a hot loop. */
import type { Clock } from "./clock.ts";

/** client-go's reflector waits as long. */
const FIRST_MS = 800;
const LONGEST_MS = 30_000;
/** A server may ask for more than our longest wait, but not to be forgotten. */
const LONGEST_RETRY_AFTER_MS = 300_000;

export class Backoff {
  readonly #clock: Clock;
  #nextMs = FIRST_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long to wait now: half to one and a half of the step (a thousand clients must not come back at once), and never less than the server asked for. */
  next(retryAfterMs = 0): number {
    const stepMs = this.#nextMs;
    this.#nextMs = Math.min(LONGEST_MS, stepMs * 2);
    const waitMs = Math.min(LONGEST_MS, stepMs * (0.5 + this.#clock.random()));
    if (retryAfterMs <= 0) return waitMs;
    return Math.max(waitMs, Math.min(LONGEST_RETRY_AFTER_MS, retryAfterMs) * (1 + this.#clock.random() / 10));
  }

  /** All is well again. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
