/**
 * Sets of numbers as sorted, disjoint, closed ranges: addresses (128 bits, IPv4 mapped) and ports alike. Only at
 * compile time, so they are bigint and may be slow.
 */

export interface Range {
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
}

/** Sorted, disjoint and never adjacent. */
export type RangeSet = readonly Range[];

export const ALL_ADDRESSES: RangeSet = [{ first: 0n, last: (1n << 128n) - 1n }];
export const ALL_PORTS: RangeSet = [{ first: 0n, last: 65_535n }];

export function union(...sets: readonly (readonly Range[])[]): RangeSet {
  const sorted = sets.flat().sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of sorted) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous.last + 1n) {
      if (last > previous.last) previous.last = last;
    } else merged.push({ first, last });
  }
  return merged;
}

/** What is in `set` and not in `removed`. */
export function subtract(set: RangeSet, removed: RangeSet): RangeSet {
  const left: Range[] = [];
  let next = 0;
  for (const range of set) {
    let first = range.first;
    while (next < removed.length && removed[next]!.last < first) next++;
    for (let i = next; i < removed.length && removed[i]!.first <= range.last; i++) {
      const hole = removed[i]!;
      if (hole.first > first) left.push({ first, last: hole.first - 1n });
      if (hole.last + 1n > first) first = hole.last + 1n;
    }
    if (first <= range.last) left.push({ first, last: range.last });
  }
  return left;
}

export function intersect(a: RangeSet, b: RangeSet): RangeSet {
  return subtract(a, subtract(a, b));
}

export function includes(set: RangeSet, value: bigint): boolean {
  return set.some(({ first, last }) => first <= value && value <= last);
}

/** Equal sets have equal keys. */
export function keyOf(set: RangeSet): string {
  return set.map(({ first, last }) => `${first.toString(36)}-${last.toString(36)}`).join(",");
}
