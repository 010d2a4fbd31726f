/** Runs the automata over one side's bytes. The state of both fits one word: exact low, folded high, 16 bits each. */
import type { CompiledDetection } from "./compiled.ts";
import type { SkipTable } from "./skip.ts";

/** Told each time a literal ends; `state` is a match state of that automaton. Must not keep the bytes. */
export interface MatchSink {
  onExactMatch(state: number): void;
  onFoldedMatch(state: number): void;
}

/** One automaton, or none: `next` is empty then. */
interface Lane {
  readonly next: Uint16Array;
  readonly firstMatch: number;
  readonly skip: SkipTable | undefined;
}

const NO_LANE: Lane = { next: new Uint16Array(0), firstMatch: 0, skip: undefined };

// No call stands inside the inner loops below: behind one, V8 loads both arrays' bounds and addresses again for every
// byte, and the scan runs at two thirds of its speed.

export class StreamScan {
  readonly #sink: MatchSink;
  #exact = NO_LANE;
  #folded = NO_LANE;

  constructor(sink: MatchSink) {
    this.#sink = sink;
  }

  use({ exact, folded }: CompiledDetection): void {
    this.#exact = exact?.automaton ?? NO_LANE;
    this.#folded = folded?.automaton ?? NO_LANE;
  }

  /** The state after `bytes[offset .. offset + length - 1]`; 0 is the start of a stream. */
  run(state: number, bytes: Uint8Array, offset: number, length: number): number {
    const end = offset + length;
    const exact = this.#exact;
    const folded = this.#folded;
    if (exact.next.length > 0 && folded.next.length > 0 && (exact.skip === undefined || folded.skip === undefined)) return this.#runBoth(state, bytes, offset, end);
    const exactState = exact.next.length === 0 ? 0 : this.#runOne(exact, state & 0xffff, bytes, offset, end);
    const foldedState = folded.next.length === 0 ? 0 : this.#runOne(folded, state >>> 16, bytes, offset, end);
    return (foldedState << 16) | exactState;
  }

  #runOne(lane: Lane, from: number, bytes: Uint8Array, offset: number, end: number): number {
    const { next, firstMatch, skip } = lane;
    let state = from;
    let i = offset;
    while (i < end) {
      if (skip === undefined) {
        do {
          state = next[(state << 8) | bytes[i++]!]!;
        } while (state < firstMatch && i < end);
      } else {
        if (state === 0) {
          i = candidate(skip, bytes, i, end);
          if (i === end) break;
        }
        do {
          state = next[(state << 8) | bytes[i++]!]!;
        } while (state !== 0 && state < firstMatch && i < end);
      }
      if (state >= firstMatch) this.#report(lane, state);
    }
    return state;
  }

  /** Two chains of dependent loads side by side cost little more than one. */
  #runBoth(from: number, bytes: Uint8Array, offset: number, end: number): number {
    const nextExact = this.#exact.next;
    const nextFolded = this.#folded.next;
    const firstExact = this.#exact.firstMatch;
    const firstFolded = this.#folded.firstMatch;
    let exact = from & 0xffff;
    let folded = from >>> 16;
    for (let i = offset; i < end; ) {
      do {
        const byte = bytes[i++]!;
        exact = nextExact[(exact << 8) | byte]!;
        folded = nextFolded[(folded << 8) | byte]!;
      } while (exact < firstExact && folded < firstFolded && i < end);
      if (exact >= firstExact) this.#sink.onExactMatch(exact);
      if (folded >= firstFolded) this.#sink.onFoldedMatch(folded);
    }
    return (folded << 16) | exact;
  }

  #report(lane: Lane, state: number): void {
    if (lane === this.#exact) this.#sink.onExactMatch(state);
    else this.#sink.onFoldedMatch(state);
  }
}

/**
 * From the start state: the first place at or after `i` where a literal may begin. Near the end, where no window fits
 * any more, every place may be the beginning of one that goes on in the next segment.
 */
function candidate({ shift, window }: SkipTable, bytes: Uint8Array, i: number, end: number): number {
  let last = i + window - 1;
  while (last < end) {
    const move = shift[(bytes[last - 1]! << 8) | bytes[last]!]!;
    if (move === 0) break;
    last += move;
  }
  const begin = last - window + 1;
  return begin < end ? begin : end;
}
