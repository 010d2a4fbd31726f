/**
 * Where no literal can begin, whole stretches need no look: the shift table of Wu and Manber ("A fast algorithm for
 * multi-pattern searching", 1994) over blocks of two or three bytes. The automaton is asked only where a block says
 * that a literal may end its shortest beginning here.
 *
 * Pairs move further and cost less. But hundreds of literals end their windows with most of the pairs that common text
 * has, and with few of its triples.
 */

export interface SkipTable {
  /** Of each block (`pairAt` or `tripleAt`): how far the window may move on; 0: look closer. */
  readonly shift: Uint8Array;
  /** Bytes of the window: the length of the shortest literal, at most LONGEST_WINDOW. */
  readonly window: number;
  /** Blocks are of three bytes, not two. */
  readonly triples: boolean;
}

/** A shorter window skips too little to pay. */
const SHORTEST_WINDOW = 4;
const LONGEST_WINDOW = 32;
const BLOCKS = 65_536;
/** Above so many literals blocks are triples. */
const PAIR_LITERALS = 24;
/** Share of blocks that ask for a closer look past which skipping is not tried. */
const MOST_CANDIDATES = 0.02;

/** Undefined where skipping does not pay: short literals, or very many. Folded literals are in lower case. */
export function buildSkipTable(literals: readonly Uint8Array[], folded: boolean): SkipTable | undefined {
  const window = literals.reduce((least, { length }) => Math.min(least, length), LONGEST_WINDOW);
  if (literals.length === 0 || window < SHORTEST_WINDOW) return undefined;
  const triples = literals.length > PAIR_LITERALS;
  const blockBytes = triples ? 3 : 2;
  const shift = new Uint8Array(new SharedArrayBuffer(BLOCKS)).fill(window - blockBytes + 1);
  for (const literal of literals) {
    for (let end = blockBytes; end <= window; end++) {
      for (const block of spellings(literal.subarray(end - blockBytes, end), folded)) {
        const index = triples ? tripleAt(block[0]!, block[1]!, block[2]!) : pairAt(block[0]!, block[1]!);
        shift[index] = Math.min(shift[index]!, window - end);
      }
    }
  }
  const candidates = shift.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
  return candidates > BLOCKS * MOST_CANDIDATES ? undefined : { shift, window, triples };
}

function pairAt(first: number, second: number): number {
  return (first << 8) | second;
}

/** Letters, digits and most marks share no entry with another triple of their kind. */
function tripleAt(first: number, second: number, third: number): number {
  return ((first << 10) ^ (second << 5) ^ third) & 0xffff;
}

function spellings(block: Uint8Array, folded: boolean): readonly (readonly number[])[] {
  let found: readonly (readonly number[])[] = [[]];
  for (const byte of block) found = found.flatMap((before) => cases(byte, folded).map((spelling) => [...before, spelling]));
  return found;
}

function cases(byte: number, folded: boolean): readonly number[] {
  return folded && byte >= 0x61 && byte <= 0x7a ? [byte, byte & 0xdf] : [byte];
}
