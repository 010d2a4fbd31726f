/**
 * Initial sequence numbers that would be another connection on a live tuple, until an answer proves them: a SYN
 * with another number (proved by the SYN-ACK that acknowledges it), and a second SYN-ACK with another number (proved
 * by the ACK that acknowledges it). The latest claim of a slot and side stands; slots share places.
 */

import { CANDIDATES } from "./limits.ts";

const ENTRY_WORDS = 8;
const Entry = { Slot: 0, Generation: 1, Isn: 2, Window: 3, Scale: 4, Timestamp: 5 } as const;

export class Candidates {
  private readonly words = new Int32Array(CANDIDATES * ENTRY_WORDS);

  note(
    slot: number,
    generation: number,
    side: number,
    isn: number,
    window: number,
    scale: number,
    timestamp: number,
  ): void {
    const at = this.place(slot, side);
    this.words[at + Entry.Slot] = slot + 1;
    this.words[at + Entry.Generation] = generation;
    this.words[at + Entry.Isn] = isn;
    this.words[at + Entry.Window] = window;
    this.words[at + Entry.Scale] = scale;
    this.words[at + Entry.Timestamp] = timestamp;
  }

  has(slot: number, generation: number, side: number, isn: number): boolean {
    const at = this.place(slot, side);
    const { words } = this;
    return (
      words[at + Entry.Slot] === slot + 1 &&
      words[at + Entry.Generation] === generation &&
      words[at + Entry.Isn] === isn
    );
  }

  /** Of the claim that `has` just found: window, window scale (-1 absent), timestamp (0 absent). */
  window(slot: number, side: number): number {
    return this.words[this.place(slot, side) + Entry.Window];
  }

  scale(slot: number, side: number): number {
    return this.words[this.place(slot, side) + Entry.Scale];
  }

  timestamp(slot: number, side: number): number {
    return this.words[this.place(slot, side) + Entry.Timestamp];
  }

  private place(slot: number, side: number): number {
    return ((slot * 2 + side) & (CANDIDATES - 1)) * ENTRY_WORDS;
  }
}
