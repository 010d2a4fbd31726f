/**
 * Which of many sets is a number in? The number line is cut wherever any set begins or ends; every piece points at a
 * row of bits, one a set. So a packet's address is looked up once, and each rule then costs one bit test.
 */
import { MAX_MEMBERSHIP_WORDS } from "./limits.ts";
import { keyOf, type RangeSet } from "./ranges.ts";

/** Bits of rows: set `s` of row `r` is bit `s & 31` of word `r * rowWords + (s >>> 5)`. */
export interface Membership {
  readonly bits: Uint32Array;
  readonly rowWords: number;
}

export interface Partition extends Membership {
  /** First number of each piece; the first is 0. */
  readonly starts: readonly bigint[];
  /** Row of each piece. */
  readonly rows: readonly number[];
}

/** Set number that every number is in: no table holds it. */
export const ANYTHING = -1;

export interface SetReserve {
  readonly sets: number;
  readonly ranges: number;
}

/** Collects distinct sets and gives them numbers. */
export class SetList {
  readonly sets: RangeSet[] = [];
  #universe: string;
  readonly #numbers = new Map<string, number>();
  readonly #reserve: SetReserve;
  /** Ranges of all sets together. */
  rangeCount = 0;

  /** @param reserve what is to be added to a copy, and must find room then */
  constructor(universe: RangeSet, reserve: SetReserve = { sets: 0, ranges: 0 }) {
    this.#universe = keyOf(universe);
    this.#reserve = reserve;
  }

  /** Another list with the same sets under the same numbers, and room for what was reserved. */
  copy(): SetList {
    const list = new SetList([]);
    list.#universe = this.#universe;
    for (const set of this.sets) list.add(set);
    return list;
  }

  /** The number of `set`, the same for equal sets; ANYTHING for the universe; undefined where the table is full. */
  add(set: RangeSet): number | undefined {
    const key = keyOf(set);
    if (key === this.#universe) return ANYTHING;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const ranges = this.rangeCount + set.length;
    const { sets: reservedSets, ranges: reservedRanges } = this.#reserve;
    if ((2 * (ranges + reservedRanges) + 1) * (((this.sets.length + reservedSets) >>> 5) + 1) > MAX_MEMBERSHIP_WORDS) return undefined;
    this.rangeCount = ranges;
    this.#numbers.set(key, this.sets.length);
    return this.sets.push(set) - 1;
  }
}

/** Cuts the number line, which ends before `end`, at the borders of all sets. */
export function partition(sets: readonly RangeSet[], end: bigint): Partition {
  const rowWords = Math.max(1, Math.ceil(sets.length / 32));
  const toggles: { at: bigint; set: number }[] = [];
  sets.forEach((ranges, set) => {
    for (const { first, last } of ranges) {
      toggles.push({ at: first, set });
      if (last + 1n < end) toggles.push({ at: last + 1n, set });
    }
  });
  toggles.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));

  const current = new Uint32Array(rowWords);
  const table = new RowTable(rowWords);
  const starts: bigint[] = [0n];
  const rows: number[] = [table.intern(current)];
  for (let i = 0; i < toggles.length; ) {
    const { at } = toggles[i]!;
    for (; i < toggles.length && toggles[i]!.at === at; i++) {
      const { set } = toggles[i]!;
      current[set >>> 5]! ^= 1 << (set & 31);
    }
    const row = table.intern(current);
    if (at === 0n) rows[0] = row;
    else if (row !== rows.at(-1)) {
      starts.push(at);
      rows.push(row);
    }
  }
  return { starts, rows, bits: table.bits(), rowWords };
}

/** Distinct rows, each kept once. */
export class RowTable {
  readonly #rowWords: number;
  readonly #words: number[] = [];
  readonly #known = new Map<string, number>();

  constructor(rowWords: number) {
    this.#rowWords = rowWords;
  }

  intern(row: Uint32Array): number {
    const key = row.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const number = this.#known.size;
    this.#known.set(key, number);
    for (let i = 0; i < this.#rowWords; i++) this.#words.push(row[i]!);
    return number;
  }

  bits(): Uint32Array {
    const shared = new Uint32Array(new SharedArrayBuffer(this.#words.length * 4));
    shared.set(this.#words);
    return shared;
  }
}

/** True where `set` has row `row` in it. */
export function has(membership: Membership, row: number, set: number): boolean {
  return set < 0 || ((membership.bits[row * membership.rowWords + (set >>> 5)]! >>> (set & 31)) & 1) !== 0;
}
