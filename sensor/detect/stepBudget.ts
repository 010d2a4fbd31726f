/**
 * Work that each tenant's signatures may cause. One automaton looks at all bytes for all tenants, so a tenant whose
 * contents match everywhere would spend the others' time: over its budget its hits are not followed for a moment, and
 * counted. What no tenant owns has no budget.
 */
import { MAX_TENANTS, STEPS_PER_TENANT_AND_SLICE, STEP_SLICE_MS } from "./limits.ts";

export class StepBudget {
  /** Hits that were not followed, ever. */
  throttled = 0;
  readonly #left = new Int32Array(MAX_TENANTS).fill(STEPS_PER_TENANT_AND_SLICE);
  #filledMs = -Infinity;

  /** `tenant`: from 1, or 0 for nobody's. False where its hit is not to be followed. */
  take(tenant: number): boolean {
    if (tenant === 0) return true;
    const place = tenant & (MAX_TENANTS - 1);
    if (this.#left[place]! > 0) {
      this.#left[place]!--;
      return true;
    }
    this.throttled++;
    return false;
  }

  refill(nowMs: number): void {
    if (nowMs < this.#filledMs + STEP_SLICE_MS && nowMs >= this.#filledMs) return;
    this.#filledMs = nowMs;
    this.#left.fill(STEPS_PER_TENANT_AND_SLICE);
  }
}
