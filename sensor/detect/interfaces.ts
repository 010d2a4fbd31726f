/**
 * Interface sets: name globs against the interfaces that there are now. A subject given by interface alone is the end
 * that lives behind it: behind the host's side of a pod's interface that is who sends into the host there; behind an
 * uplink it is this machine's side, so who sends in there is the far end. Where the kind does not tell (loopback, a
 * mirror port, a capture file), and where CIDRs say who the subject is, either end may be it.
 */
import { interfaceMatches } from "../../crds/values/mod.ts";
import { type Membership, RowTable } from "./membership.ts";

/** What topology knows of an interface, as far as a policy can ask. */
export interface InterfaceDescription {
  readonly index: number;
  readonly name: string;
  readonly kind: "Pod" | "Bridge" | "Uplink" | "Tunnel" | "Loopback" | "Unknown";
  /** Addresses of this machine on it, without prefix lengths. */
  readonly addresses: readonly string[];
}

export interface InterfaceSet {
  readonly names: readonly string[];
  /** True where either end may be the subject, whatever the kind. */
  readonly eitherEnd: boolean;
}

/** Two bits a set: `2 * set` = who sends into the host here is the subject, `2 * set + 1` = who is sent to here is. */
export interface InterfaceTable extends Membership {
  /** Interface numbers, sorted; an interface that is not here is in no set. */
  readonly indexes: Int32Array;
  readonly rows: Int32Array;
}

export function buildInterfaceTable(sets: readonly InterfaceSet[], interfaces: readonly InterfaceDescription[]): InterfaceTable {
  const rowWords = Math.max(1, Math.ceil(sets.length / 16));
  const table = new RowTable(rowWords);
  const sorted = [...interfaces].sort((a, b) => a.index - b.index);
  const indexes = new Int32Array(new SharedArrayBuffer(sorted.length * 4));
  const rows = new Int32Array(new SharedArrayBuffer(sorted.length * 4));
  sorted.forEach(({ index, name, kind }, position) => {
    const row = new Uint32Array(rowWords);
    sets.forEach(({ names, eitherEnd }, set) => {
      if (!names.some((pattern) => interfaceMatches(pattern, name))) return;
      const sender = eitherEnd || (kind !== "Uplink" && kind !== "Tunnel") ? 1 : 0;
      const receiver = eitherEnd || (kind !== "Pod" && kind !== "Bridge") ? 2 : 0;
      row[set >>> 4]! |= (sender | receiver) << ((set & 15) * 2);
    });
    indexes[position] = index;
    rows[position] = table.intern(row);
  });
  return { indexes, rows, bits: table.bits(), rowWords };
}

/** Row of an interface, -1 where no set can have it. */
export function rowOfInterface(table: InterfaceTable, index: number): number {
  let low = 0;
  let high = table.indexes.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = table.indexes[middle]!;
    if (found === index) return table.rows[middle]!;
    if (found < index) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
