/**
 * How long ago the API server was last heard. The clock of a machine may be set meanwhile, and what the disk says may
 * be of a time that has not come: what would make a policy younger than it is never counts.
 */
import { CLOCK_TOLERANCE_MS } from "./limits.ts";

export interface ContactClocks {
  /** Since 1970. */
  readonly wallMs: () => number;
  /** Never set. */
  readonly monotonicMs: () => number;
}

export class Contact {
  readonly #clocks: ContactClocks;
  #atMs = 0;
  /** By the clock that is never set. */
  #steadyMs = -Infinity;

  constructor(clocks: ContactClocks) {
    this.#clocks = clocks;
  }

  /** When it was heard, milliseconds since 1970; 0 for never. */
  get atMs(): number {
    return this.#atMs;
  }

  get ageMs(): number {
    const { wallMs, monotonicMs } = this.#clocks;
    return Math.max(wallMs() - this.#atMs, monotonicMs() - this.#steadyMs);
  }

  /** The watches, or the disk, say that it was heard then; a time to come says nothing. */
  note(atMs: number): void {
    const { wallMs, monotonicMs } = this.#clocks;
    const ageMs = wallMs() - atMs;
    if (atMs === this.#atMs || ageMs < -CLOCK_TOLERANCE_MS) return;
    this.#atMs = atMs;
    this.#steadyMs = monotonicMs() - Math.max(0, ageMs);
  }
}
