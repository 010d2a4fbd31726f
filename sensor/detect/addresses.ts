/** Address sets, looked up by binary search over the borders of all of them. */
import { wordOf } from "./cidr.ts";
import { partition, type Membership } from "./membership.ts";
import type { RangeSet } from "./ranges.ts";
import { sharedWords } from "./sharedTable.ts";

export interface AddressTable extends Membership {
  /**
   * First address of each piece, four words each, sorted. Every word has its sign bit turned, so that the signed
   * comparison of two of them is the unsigned one of the addresses.
   */
  readonly starts: Int32Array;
  /** Row of each piece. */
  readonly rows: Int32Array;
}

const SIGN = 0x8000_0000 | 0;

export function buildAddressTable(sets: readonly RangeSet[]): AddressTable {
  const pieces = partition(sets, 1n << 128n);
  const starts = new Int32Array(new SharedArrayBuffer(pieces.starts.length * 16));
  pieces.starts.forEach((start, piece) => {
    for (let word = 0; word < 4; word++) starts[piece * 4 + word] = wordOf(start, word) ^ SIGN;
  });
  return { starts, rows: sharedWords(pieces.rows), bits: pieces.bits, rowWords: pieces.rowWords };
}

/** Row of the address whose four words (as in Packet) stand at `words[offset]`. */
export function rowOfAddress(table: AddressTable, words: Int32Array, offset: number): number {
  const starts = table.starts;
  const a = words[offset]! ^ SIGN;
  const b = words[offset + 1]! ^ SIGN;
  const c = words[offset + 2]! ^ SIGN;
  const d = words[offset + 3]! ^ SIGN;
  // The last piece that does not start after the address; piece 0 starts at address 0.
  let low = 0;
  let high = table.rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    const at = middle * 4;
    const startsAfter =
      starts[at]! !== a ? starts[at]! > a
      : starts[at + 1]! !== b ? starts[at + 1]! > b
      : starts[at + 2]! !== c ? starts[at + 2]! > c
      : starts[at + 3]! > d;
    if (startsAfter) high = middle - 1;
    else low = middle;
  }
  return table.rows[low]!;
}

/** Of entry `entry` of sorted addresses (sign turned) and the address at `words[offset]`: below 0, 0, above 0. */
export function compareAddress(addresses: Int32Array, entry: number, words: Int32Array, offset: number): number {
  for (let i = 0; i < 4; i++) {
    const word = words[offset + i]! ^ SIGN;
    const other = addresses[entry * 4 + i]!;
    if (other !== word) return other < word ? -1 : 1;
  }
  return 0;
}

/** Addresses (four words each) as compareAddress() wants them; the order is the caller's. */
export function signTurned(words: readonly number[]): Int32Array {
  return sharedWords(words.map((word) => word ^ SIGN));
}
