/**
 * When to look anew at the connections whose reset was held back: where something only kept it from being done (the
 * emergency stop, Observe, the fleet's word), once that has ended; where a budget was spent, as it refills.
 *
 * A budget stays a fuse: who waits takes what is beyond half of a bucket (guards/budget.ts), so at most what refills,
 * and the other half is there for what is found meanwhile.
 */
import type { CompiledPolicy } from "./compiled.ts";
import { POLICY_WORDS, PolicyField } from "./compiled.ts";
import { HeldFlows } from "./heldFlows.ts";
import { RETRIES_PER_PAUSE, RETRY_PAUSE_MS } from "./limits.ts";
import { Stop } from "./stop.ts";

export class HeldBack {
  /** Only counted so far. */
  readonly restrained: HeldFlows;
  /** Over budget. */
  readonly deferred: HeldFlows;
  /** Some were restrained by a stop. */
  #isStopped = false;
  #isRoundOpen = false;
  #retryMs = -Infinity;
  #retriesLeft = 0;

  constructor(capacity: number) {
    this.restrained = new HeldFlows(capacity);
    this.deferred = new HeldFlows(capacity);
  }

  /** @param stopped Stop bits. */
  restrain(slot: number, stopped: number): void {
    this.restrained.add(slot);
    if (stopped !== Stop.No) this.#isStopped = true;
  }

  forget(slot: number): void {
    this.restrained.remove(slot);
    this.deferred.remove(slot);
  }

  /** What restrained some of them has ended: all are looked at. */
  release(): void {
    this.#isRoundOpen = true;
    this.restrained.begin();
  }

  /** True while nextRestrained() may give one at once. */
  isReleasing(stopped: number): boolean {
    return stopped === Stop.No && (this.#isRoundOpen || this.#isStopped);
  }

  /** The next of those that nothing may restrain any more; -1 for none. */
  nextRestrained(stopped: number): number {
    if (!this.isReleasing(stopped)) return -1;
    if (this.#isStopped) {
      this.#isStopped = false;
      this.release();
    }
    const slot = this.restrained.take();
    if (slot < 0) this.#isRoundOpen = false;
    return slot;
  }

  /** Whether one over budget may be tried: so many a pause. A replay spends, and waits, as live traffic would. */
  isRetryDue(stopped: number, nowMs: number): boolean {
    if (this.deferred.count === 0 || (stopped & ~Stop.Replay) !== 0) return false;
    if (nowMs >= this.#retryMs || this.#retryMs - nowMs > RETRY_PAUSE_MS) {
      this.#retryMs = nowMs + RETRY_PAUSE_MS;
      this.#retriesLeft = RETRIES_PER_PAUSE;
    }
    return this.#retriesLeft > 0;
  }

  /** The next of those over budget; -1 at the end of a round. */
  nextDeferred(): number {
    this.#retriesLeft--;
    return this.deferred.take();
  }
}

/** Whether a policy enforces that was held back, or observed, before. */
export function enforcesMore(old: CompiledPolicy, fresh: CompiledPolicy): boolean {
  const enforced = new Map(old.names.policies.map(({ identity }, policy) => [identity, enforces(old, policy)]));
  return fresh.names.policies.some(({ identity }, policy) => enforced.get(identity) === false && enforces(fresh, policy));
}

function enforces({ policies, guards }: CompiledPolicy, policy: number): boolean {
  return policies[policy * POLICY_WORDS + PolicyField.Enforce] === 1 && guards.heldBack[policy] === 0;
}
