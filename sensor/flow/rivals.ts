/**
 * Packets that do not fit the numbers of their flow. One alone is a forgery, a stale duplicate or a fault and
 * changes nothing. Two from opposite sides that acknowledge each other exactly, with nothing that fits between
 * them, are the truth: the capture missed a stretch, or another connection has the tuple. Of a flow seen from one
 * side only, a run of consecutive packets must do.
 */

import { add, distance } from "../decode/mod.ts";
import { RIVALS } from "./limits.ts";

const ENTRY_WORDS = 16;
const Entry = { Slot: 0, Generation: 1, Sides: 4 } as const;
const SIDE_ENTRY_WORDS = 6;
/** `Run` is 0 while nothing was noted: the number of consecutive packets. */
const Side = { Run: 0, Sequence: 1, End: 2, Acknowledgement: 3 } as const;

/** How far apart two packets that belong together may lie, in bytes. */
const NEAR = 1 << 20;
/** Consecutive packets of one side that are believed where the other is never seen, or was and fell silent. */
const RUN_UNSEEN = 2;
const RUN_SILENT = 6;

export const RivalVerdict = { Unproven: 0, Proven: 1 } as const;

export class Rivals {
  /** Claims noted since the start; while 0 nothing needs to be forgotten. */
  noted = 0;
  private readonly words = new Int32Array(RIVALS * ENTRY_WORDS);

  /**
   * @param length sequence numbers that the packet takes
   * @param peerSeen whether the other side was ever seen
   */
  note(
    slot: number,
    generation: number,
    side: number,
    sequence: number,
    length: number,
    acknowledgement: number,
    peerSeen: boolean,
  ): number {
    const { words } = this;
    const entry = (slot & (RIVALS - 1)) * ENTRY_WORDS;
    if (words[entry + Entry.Slot] !== slot + 1 || words[entry + Entry.Generation] !== generation) {
      for (let word = 0; word < ENTRY_WORDS; word++) words[entry + word] = 0;
      words[entry + Entry.Slot] = slot + 1;
      words[entry + Entry.Generation] = generation;
    }
    this.noted++;
    const own = entry + Entry.Sides + side * SIDE_ENTRY_WORDS;
    const other = entry + Entry.Sides + (side ^ 1) * SIDE_ENTRY_WORDS;
    const end = add(sequence, length);
    const ackMoved = distance(acknowledgement, words[own + Side.Acknowledgement]);
    const continues =
      words[own + Side.Run] > 0 && sequence === words[own + Side.End] && ackMoved >= 0 && ackMoved <= NEAR;
    words[own + Side.Run] = continues ? words[own + Side.Run] + 1 : 1;
    words[own + Side.Sequence] = sequence;
    words[own + Side.End] = end;
    words[own + Side.Acknowledgement] = acknowledgement;
    if (words[other + Side.Run] === 0) {
      return words[own + Side.Run] >= (peerSeen ? RUN_SILENT : RUN_UNSEEN) ? RivalVerdict.Proven : RivalVerdict.Unproven;
    }
    const toOther = distance(acknowledgement, words[other + Side.End]);
    const toOwn = distance(words[other + Side.Acknowledgement], sequence);
    const near = Math.abs(toOther) <= NEAR && Math.abs(toOwn) <= NEAR;
    const exact = toOther === 0 || words[other + Side.Acknowledgement] === sequence;
    return near && exact ? RivalVerdict.Proven : RivalVerdict.Unproven;
  }

  /** Of the other side of a proven pair: true where it was noted; then `sequence` and `end` tell its place. */
  sideNoted(slot: number, side: number): boolean {
    return this.words[this.place(slot, side) + Side.Run] > 0;
  }

  sequence(slot: number, side: number): number {
    return this.words[this.place(slot, side) + Side.Sequence];
  }

  end(slot: number, side: number): number {
    return this.words[this.place(slot, side) + Side.End];
  }

  acknowledgement(slot: number, side: number): number {
    return this.words[this.place(slot, side) + Side.Acknowledgement];
  }

  /** A packet of the side did fit: what did not was no rival. */
  forget(slot: number, side: number): void {
    if (this.noted === 0) return;
    const entry = (slot & (RIVALS - 1)) * ENTRY_WORDS;
    if (this.words[entry + Entry.Slot] === slot + 1) this.words[entry + Entry.Sides + side * SIDE_ENTRY_WORDS] = 0;
  }

  private place(slot: number, side: number): number {
    return (slot & (RIVALS - 1)) * ENTRY_WORDS + Entry.Sides + side * SIDE_ENTRY_WORDS;
  }
}
