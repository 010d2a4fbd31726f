/** How often detection has begun to kill one connection: a peer that survives is not shot at for ever. */
import { MAX_COUNTED_CONNECTIONS } from "./limits.ts";

export class ConnectionBudget {
  // Slot and generation name a connection; a newer connection takes the place of another with the same entry.
  readonly #slots = new Int32Array(MAX_COUNTED_CONNECTIONS).fill(-1);
  readonly #generations = new Int32Array(MAX_COUNTED_CONNECTIONS);
  readonly #kills = new Int32Array(MAX_COUNTED_CONNECTIONS);

  kills(slot: number, generation: number): number {
    const entry = slot & (MAX_COUNTED_CONNECTIONS - 1);
    return this.#slots[entry] === slot && this.#generations[entry] === generation ? this.#kills[entry]! : 0;
  }

  count(slot: number, generation: number): void {
    const entry = slot & (MAX_COUNTED_CONNECTIONS - 1);
    const kills = this.kills(slot, generation);
    this.#slots[entry] = slot;
    this.#generations[entry] = generation;
    this.#kills[entry] = kills + 1;
  }
}
