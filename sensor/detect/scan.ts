/**
 * Runs the automata over one side's bytes. The state of both fits one word: exact low, folded high, 16 bits each; an
 * automaton whose state is UNWANTED is left out.
 */
import { SHALLOW_BYTES, type Automaton } from "./automaton.ts";
import type { CompiledDetection } from "./compiled.ts";
import type { SkipTable } from "./skip.ts";

/** Stands for a state where nothing that the automaton finds can match on that side. */
export const UNWANTED = 0xffff;

/** Told each time a literal ends; `state` is a match state of that automaton. Must not keep the bytes. */
export interface MatchSink {
  onExactMatch(state: number): void;
  onFoldedMatch(state: number): void;
}

/** One automaton, or none: `next` is empty then. */
class Lane {
  readonly next: Uint16Array;
  readonly firstMatch: number;
  readonly shallow: Uint8Array;
  readonly #skip: SkipTable | undefined;
  /** Skipping did not pay: so many bytes are walked through before it is tried again. */
  #pausedBytes = 0;
  #gainedBytes = 0;

  constructor(automaton: Automaton | undefined) {
    this.next = automaton?.next ?? new Uint16Array(0);
    this.firstMatch = automaton?.firstMatch ?? 0;
    this.shallow = automaton?.shallow ?? new Uint8Array(0);
    this.#skip = automaton?.skip;
  }

  get isEmpty(): boolean {
    return this.next.length === 0;
  }

  /** The table to skip `length` bytes with; undefined where every byte is to be looked at. */
  skipOver(length: number): SkipTable | undefined {
    if (this.#pausedBytes === 0) return this.#skip;
    this.#pausedBytes = length < this.#pausedBytes ? this.#pausedBytes - length : 0;
    return undefined;
  }

  skipped(length: number, moves: number, looks: number): void {
    const gained = this.#gainedBytes + length - moves * MOVE_BYTES - looks * LOOK_BYTES;
    this.#gainedBytes = gained < MOST_GAINED_BYTES ? gained : MOST_GAINED_BYTES;
    if (gained > -MOST_GAINED_BYTES) return;
    this.#gainedBytes = 0;
    this.#pausedBytes = PAUSE_BYTES;
  }
}

/**
 * A move of the window (loads that wait for each other) and a look (two branches that no processor foresees) cost as
 * much as walking through so many bytes.
 */
const MOVE_BYTES = 3;
const LOOK_BYTES = 40;
/** What skipping has gained lately, or lost, is remembered up to this. */
const MOST_GAINED_BYTES = 1_024;
const PAUSE_BYTES = 65_536;

// No call stands inside the inner loops below: behind one, V8 loads both arrays' bounds and addresses again for every
// byte, and the scan runs at two thirds of its speed.

export class StreamScan {
  readonly #sink: MatchSink;
  #exact = new Lane(undefined);
  #folded = new Lane(undefined);

  constructor(sink: MatchSink) {
    this.#sink = sink;
  }

  use({ exact, folded }: CompiledDetection): void {
    this.#exact = new Lane(exact?.automaton);
    this.#folded = new Lane(folded?.automaton);
  }

  /** The state after `bytes[offset .. offset + length - 1]`; 0 is the start of a stream. */
  run(state: number, bytes: Uint8Array, offset: number, length: number): number {
    const end = offset + length;
    const exact = this.#exact;
    const folded = this.#folded;
    const exactWanted = !exact.isEmpty && (state & 0xffff) !== UNWANTED;
    const foldedWanted = !folded.isEmpty && state >>> 16 !== UNWANTED;
    const exactSkip = exactWanted ? exact.skipOver(length) : undefined;
    const foldedSkip = foldedWanted ? folded.skipOver(length) : undefined;
    if (exactWanted && foldedWanted && (exactSkip === undefined || foldedSkip === undefined)) return this.#runBoth(state, bytes, offset, end);
    const exactState = exactWanted ? this.#runOne(exact, exactSkip, state & 0xffff, bytes, offset, end) : state & 0xffff;
    const foldedState = foldedWanted ? this.#runOne(folded, foldedSkip, state >>> 16, bytes, offset, end) : state >>> 16;
    return (foldedState << 16) | exactState;
  }

  #runOne(lane: Lane, skip: SkipTable | undefined, from: number, bytes: Uint8Array, offset: number, end: number): number {
    return skip === undefined ? this.#walk(lane, from, bytes, offset, end) : this.#skip(lane, skip, from, bytes, offset, end);
  }

  /** Looks at every byte. */
  #walk(lane: Lane, from: number, bytes: Uint8Array, offset: number, end: number): number {
    const { next, firstMatch } = lane;
    let state = from;
    for (let i = offset; i < end; ) {
      do {
        state = next[(state << 8) | bytes[i++]!]!;
      } while (state < firstMatch && i < end);
      if (state >= firstMatch) this.#report(lane, state);
    }
    return state;
  }

  /**
   * Walks only from places where a literal may begin, and only until what it is in is shallow again and began later
   * than that place: from there the next one is looked for.
   */
  #skip(lane: Lane, skip: SkipTable, from: number, bytes: Uint8Array, offset: number, end: number): number {
    const { next, firstMatch, shallow } = lane;
    const { shift, window, triples } = skip;
    const firstDeep = shallow.length;
    /** The longest move of a pair. */
    const longest = window - 1;
    let state = from;
    let moves = 0;
    let looks = 0;
    let i = offset;
    while (i < end) {
      if (state === 0) {
        let last = i + window - 1;
        // pairAt() and tripleAt(), written out.
        let move = triples ? 0 : longest;
        while (!triples && last < end) {
          // Four strides at once where nothing comes near: loads that need not wait for each other.
          while (
            move === longest && last + 3 * longest < end &&
            shift[(bytes[last - 1]! << 8) | bytes[last]!]! +
              shift[(bytes[last + longest - 1]! << 8) | bytes[last + longest]!]! +
              shift[(bytes[last + 2 * longest - 1]! << 8) | bytes[last + 2 * longest]!]! +
              shift[(bytes[last + 3 * longest - 1]! << 8) | bytes[last + 3 * longest]!]! === 4 * longest
          ) {
            last += 4 * longest;
            moves++;
          }
          if (last >= end) break;
          move = shift[(bytes[last - 1]! << 8) | bytes[last]!]!;
          if (move === 0) break;
          last += move;
          moves++;
        }
        while (triples && last < end) {
          move = shift[((bytes[last - 2]! << 10) ^ (bytes[last - 1]! << 5) ^ bytes[last]!) & 0xffff]!;
          if (move === 0) break;
          last += move;
          moves++;
        }
        i = last - window + 1;
        // No whole window is left: what begins here may go on in the next segment.
        if (last >= end) {
          state = this.#walk(lane, 0, bytes, i, end);
          break;
        }
        looks++;
      }
      const least = i + SHALLOW_BYTES;
      do {
        state = next[(state << 8) | bytes[i++]!]!;
      } while (state < firstMatch && i < end && (state >= firstDeep || i <= least));
      if (state >= firstMatch) {
        this.#report(lane, state);
      } else if (i < end) {
        i -= shallow[state]!;
        state = 0;
      }
    }
    lane.skipped(end - offset, moves, looks);
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
