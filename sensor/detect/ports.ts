/** Port sets: text to ranges, and a table with one entry a port. */
import { parsePortRange } from "../../crds/values/mod.ts";
import { partition, type Membership } from "./membership.ts";
import { ALL_PORTS, keyOf, type RangeSet, union } from "./ranges.ts";

export interface PortTable extends Membership {
  /** Row of each of the 65,536 ports. */
  readonly rows: Uint16Array;
}

/** The ports of all texts ("80", "8000-8999") together; all ports where there is none. */
export function portsToRanges(texts: readonly string[]): RangeSet {
  if (texts.length === 0) return ALL_PORTS;
  const ranges = texts.map(parsePortRange).filter((range) => range !== undefined);
  return union(ranges.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) })));
}

export function buildPortTable(sets: readonly RangeSet[]): PortTable {
  const pieces = partition(sets, 65_536n);
  const rows = new Uint16Array(new SharedArrayBuffer(65_536 * 2));
  pieces.starts.forEach((start, piece) => {
    rows.fill(pieces.rows[piece]!, Number(start), Number(pieces.starts[piece + 1] ?? 65_536n));
  });
  return { rows, bits: pieces.bits, rowWords: pieces.rowWords };
}

/**
 * buildPortTable() that gives the last table again for the same sets. A table is 128 KiB, and each one lives until both
 * threads that hold it collect their garbage: one a change of pods made a sensor 150 MB bigger while a node filled.
 */
export function portTableBuilder(): typeof buildPortTable {
  let key: string | undefined;
  let last: PortTable;
  return (sets) => {
    const wanted = sets.map(keyOf).join(" ");
    if (wanted !== key) last = buildPortTable(sets);
    key = wanted;
    return last;
  };
}
