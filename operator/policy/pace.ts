/**
 * When a status may be written. Each write goes to every sensor, and thousands of policies can have something to say at
 * one moment: then they are written one after the other, in the order in which they asked.
 */
import { BURST_MS, URGENT_DELIVERIES_PER_SECOND } from "./limits.ts";

export class DeliveryPace {
  #freeMs = -Infinity;
  /** Whose turn comes when. */
  readonly #turns = new Map<string, number>();

  /** Until `key` may be written to so many sensors, in ms; 0: now, and its turn is taken. Ask again by then. */
  waitMs(key: string, sensors: number, nowMs: number): number {
    let turnMs = this.#turns.get(key);
    if (turnMs === undefined) {
      turnMs = Math.max(this.#freeMs, nowMs - BURST_MS);
      this.#freeMs = turnMs + (sensors / URGENT_DELIVERIES_PER_SECOND) * 1_000;
    }
    if (turnMs <= nowMs) {
      this.#turns.delete(key);
      return 0;
    }
    this.#turns.set(key, turnMs);
    return turnMs - nowMs;
  }

  forget(key: string): void {
    this.#turns.delete(key);
  }
}
