/**
 * Where no literal can begin, whole stretches need no look: the shift table of Wu and Manber ("A fast algorithm for
 * multi-pattern searching", 1994) over pairs of bytes. The automaton is asked only where a pair says that a literal
 * may end its shortest beginning here.
 */

/** Of each pair `first << 8 | second`: how far the window may move on; 0: look closer. */
export interface SkipTable {
  readonly shift: Uint8Array;
  /** Bytes of the window: the length of the shortest literal, at most LONGEST_WINDOW. */
  readonly window: number;
}

/** A shorter window skips too little to pay. */
export const SHORTEST_WINDOW = 4;
const LONGEST_WINDOW = 32;
/** Share of pairs that ask for a closer look past which skipping is not tried. */
const MOST_CANDIDATES = 0.02;

/** Undefined where skipping does not pay: short literals, or very many. Folded literals are in lower case. */
export function buildSkipTable(literals: readonly Uint8Array[], folded: boolean): SkipTable | undefined {
  const shortest = literals.reduce((least, { length }) => Math.min(least, length), LONGEST_WINDOW);
  if (literals.length === 0 || shortest < SHORTEST_WINDOW) return undefined;
  const shift = new Uint8Array(new SharedArrayBuffer(65_536)).fill(shortest - 1);
  for (const literal of literals) {
    for (let at = 1; at < shortest; at++) {
      for (const first of cases(literal[at - 1]!, folded)) {
        for (const second of cases(literal[at]!, folded)) {
          const pair = (first << 8) | second;
          shift[pair] = Math.min(shift[pair]!, shortest - 1 - at);
        }
      }
    }
  }
  const candidates = shift.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
  return candidates > 65_536 * MOST_CANDIDATES ? undefined : { shift, window: shortest };
}

function cases(byte: number, folded: boolean): readonly number[] {
  return folded && byte >= 0x61 && byte <= 0x7a ? [byte, byte & 0xdf] : [byte];
}
