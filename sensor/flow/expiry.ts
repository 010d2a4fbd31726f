/**
 * Which flow goes first: one list a degree of worth, the longest silent flow at its head. A flow moves to the tail
 * when it is seen in another second than before, so that the order is true to a second and a busy flow costs
 * nothing; under pressure the head of the least worthy list goes, in quiet times heads go that were silent too
 * long. Flows that a kill works on stay.
 */

import type { FlowLimits } from "./limits.ts";
import * as record from "./record.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { FLOW_WORDS, Field, FlowFlag, FlowState } = record;

/** In the order in which flows are given up under pressure. */
export const Worth = { Closed: 0, SynSent: 1, SynReceived: 2, OneWay: 3, Closing: 4, Established: 5 } as const;
export const WORTHS = 6;

/** Heads that are passed over for their kills before the next list is tried. */
const KILLS_PASSED = 16;

const WORTH_OF_STATE = new Int32Array(8);
WORTH_OF_STATE[FlowState.Closed] = Worth.Closed;
WORTH_OF_STATE[FlowState.SynSent] = Worth.SynSent;
WORTH_OF_STATE[FlowState.SynReceived] = Worth.SynReceived;
WORTH_OF_STATE[FlowState.Established] = Worth.Established;
WORTH_OF_STATE[FlowState.Closing] = Worth.Closing;

/** Worth of a flow in the state with the flags. */
export function worthOf(state: number, flags: number): number {
  const halfSeen = (flags & (FlowFlag.Midstream | FlowFlag.BothWays)) === FlowFlag.Midstream;
  return halfSeen && state !== FlowState.Closed ? Worth.OneWay : WORTH_OF_STATE[state];
}

export class WorthLists {
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  /** Slot + 1 of the ends of each list, 0 where it is empty. */
  private readonly heads = new Int32Array(WORTHS);
  private readonly tails = new Int32Array(WORTHS);
  /** Flows in each list. */
  readonly lengths = new Int32Array(WORTHS);

  /** The latest second seen. */
  private secondStartMs = 0;
  private secondEndMs = 0;

  constructor(words: Int32Array, doubles: Float64Array) {
    this.words = words;
    this.doubles = doubles;
  }

  /** Puts a flow whose state and flags are set at the tail of its list. */
  enter(slot: number): void {
    const base = slot * FLOW_WORDS;
    this.append(slot, worthOf(this.words[base + Field.State], this.words[base + Field.Flags]));
  }

  leave(slot: number): void {
    const base = slot * FLOW_WORDS;
    this.unlink(slot, worthOf(this.words[base + Field.State], this.words[base + Field.Flags]));
  }

  /** Changes the state and adds flag bits; the flow moves where its worth is another. */
  change(slot: number, state: number, flags: number): void {
    const { words } = this;
    const base = slot * FLOW_WORDS;
    const old = worthOf(words[base + Field.State], words[base + Field.Flags]);
    const worth = worthOf(state, words[base + Field.Flags] | flags);
    words[base + Field.State] = state;
    words[base + Field.Flags] |= flags;
    if (old === worth) return;
    this.unlink(slot, old);
    this.append(slot, worth);
  }

  /** Notes that the flow was seen; true in the first packet of a new second. */
  touch(slot: number, nowMs: number): boolean {
    const at = (slot * FLOW_WORDS + Field.LastSeenMs) >> 1;
    const lastMs = this.doubles[at];
    if (nowMs <= lastMs) return false;
    this.doubles[at] = nowMs;
    if (nowMs >= this.secondEndMs) {
      this.secondStartMs = Math.floor(nowMs / 1000) * 1000;
      this.secondEndMs = this.secondStartMs + 1000;
    }
    if (lastMs >= this.secondStartMs) return false;
    this.refresh(slot);
    return true;
  }

  /** The flow to give up under pressure, -1 where every one near a head has a kill. */
  leastWorthy(): number {
    for (let worth = 0; worth < WORTHS; worth++) {
      for (let passed = 0; passed < KILLS_PASSED; passed++) {
        const slot = this.heads[worth] - 1;
        if (slot < 0) break;
        if (this.words[slot * FLOW_WORDS + Field.Kill] < 0) return slot;
        this.refresh(slot);
      }
    }
    return -1;
  }

  /** A flow of that worth which was last seen before the time and has no kill, -1 for none. */
  silentSince(worth: number, beforeMs: number): number {
    for (let passed = 0; passed < KILLS_PASSED; passed++) {
      const slot = this.heads[worth] - 1;
      if (slot < 0 || this.doubles[(slot * FLOW_WORDS + Field.LastSeenMs) >> 1] > beforeMs) return -1;
      if (this.words[slot * FLOW_WORDS + Field.Kill] < 0) return slot;
      this.refresh(slot);
    }
    return -1;
  }

  private refresh(slot: number): void {
    const base = slot * FLOW_WORDS;
    const worth = worthOf(this.words[base + Field.State], this.words[base + Field.Flags]);
    if (this.tails[worth] === slot + 1) return;
    this.unlink(slot, worth);
    this.append(slot, worth);
  }

  private append(slot: number, worth: number): void {
    const { words } = this;
    const base = slot * FLOW_WORDS;
    const tail = this.tails[worth];
    words[base + Field.LruPrevious] = tail;
    words[base + Field.LruNext] = 0;
    if (tail === 0) this.heads[worth] = slot + 1;
    else words[(tail - 1) * FLOW_WORDS + Field.LruNext] = slot + 1;
    this.tails[worth] = slot + 1;
    this.lengths[worth]++;
  }

  private unlink(slot: number, worth: number): void {
    const { words } = this;
    const base = slot * FLOW_WORDS;
    const previous = words[base + Field.LruPrevious];
    const next = words[base + Field.LruNext];
    if (previous === 0) this.heads[worth] = next;
    else words[(previous - 1) * FLOW_WORDS + Field.LruNext] = next;
    if (next === 0) this.tails[worth] = previous;
    else words[(next - 1) * FLOW_WORDS + Field.LruPrevious] = previous;
    this.lengths[worth]--;
  }
}

/** How long a flow of that worth may be silent. */
export function timeoutOf(worth: number, limits: FlowLimits): number {
  switch (worth) {
    case Worth.Closed:
      return limits.closedMs;
    case Worth.SynSent:
      return limits.synSentMs;
    case Worth.SynReceived:
      return limits.synReceivedMs;
    case Worth.OneWay:
      return limits.oneWayMs;
    case Worth.Closing:
      return limits.closingMs;
    default:
      return limits.establishedMs;
  }
}
