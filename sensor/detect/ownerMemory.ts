/**
 * Whose the sides of each flow were when the detector last looked: a rule that selects a pod applies to the flows that
 * the pod had before anybody told of it, once. No memory is spent while no rule asks.
 */
import { MAX_FINDINGS } from "./limits.ts";
import type { OwnerTable } from "./owners.ts";

/** A side may be a pod's that nobody has told of: rules that may select it look at its bytes meanwhile. */
const UNKNOWN = 1 << 31;
const OWNERS = 0x7fff_7fff;
const SIDE = 0x7fff;

export class OwnerMemory {
  /** Flows of new pods whose owner has become known; whoever drains them sets `count` to 0. */
  readonly identified = new Int32Array(MAX_FINDINGS);
  count = 0;
  readonly #capacity: number;
  #words: Int32Array | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Reserved whole when it is first needed, and paged in as flows use it. */
  use(table: OwnerTable): void {
    if (table.isAsked) this.#words ??= new Int32Array(this.#capacity);
  }

  /** Owners of both sides, side 0 in the high half. */
  of(slot: number): number {
    return this.#words === undefined ? 0 : this.#words[slot]! & OWNERS;
  }

  isUnknown(slot: number): boolean {
    return this.#words !== undefined && (this.#words[slot]! & UNKNOWN) !== 0;
  }

  /** An owner that is not known any more stays remembered: what applied to its flow has applied. */
  note(slot: number, owners: number, isUnknown: boolean): void {
    if (this.#words === undefined) return;
    const known = this.#words[slot]! & OWNERS;
    const merged = merge(known, owners);
    if (merged !== known && this.isUnknown(slot) && this.count < this.identified.length) this.identified[this.count++] = slot;
    this.#words[slot] = merged | (isUnknown ? UNKNOWN : 0);
  }

  /** Whether `owners` tell of a side what is not remembered. */
  isNews(slot: number, owners: number): boolean {
    const known = this.of(slot);
    return merge(known, owners) !== known;
  }

  forget(slot: number): void {
    if (this.#words !== undefined) this.#words[slot] = 0;
  }
}

function merge(known: number, owners: number): number {
  const high = owners & (SIDE << 16);
  const low = owners & SIDE;
  return (high === 0 ? known & (SIDE << 16) : high) | (low === 0 ? known & SIDE : low);
}
