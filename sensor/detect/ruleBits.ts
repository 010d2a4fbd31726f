/**
 * Headers of all rules at once. For each thing that a header asks (the server's port, the client's address, ...) and
 * each row of its table there is one bit a rule; the rules that a flow fits are what is left when the rows of its
 * ports, addresses and interfaces are joined, 32 rules a step. A thousand rules cost a flow about a microsecond.
 */
import { ANYTHING, type Membership } from "./membership.ts";

export interface RuleBits {
  /** Words of one row: rules over 32. */
  readonly ruleWords: number;
  /** By row of the port table. */
  readonly clientPorts: Uint32Array;
  readonly serverPorts: Uint32Array;
  /** By row of the address table. */
  readonly clients: Uint32Array;
  readonly servers: Uint32Array;
  readonly subjects: Uint32Array;
  readonly peers: Uint32Array;
  /** By row of the interface table: rules whose subject is who sends into the host there, who is sent to there. */
  readonly senders: Uint32Array;
  readonly receivers: Uint32Array;
  /** By row of the owner table: rules whose subject such an owner may be. */
  readonly owners: Uint32Array;
  // One row each: rules that ask for no interface; whose subject may be the responder, the initiator.
  readonly anyInterface: Uint32Array;
  readonly inbound: Uint32Array;
  readonly outbound: Uint32Array;
  /** Connection detectors without signatures, by phase; rules with signatures. */
  readonly handshake: Uint32Array;
  readonly established: Uint32Array;
  readonly signed: Uint32Array;
}

/** Rows of `table` turned from sets to rules: rule `r` has the row where set `sets[r]` has it, or is ANYTHING. */
export function rulesOfRows(table: Membership, sets: readonly number[]): Uint32Array {
  const ruleWords = wordsFor(sets.length);
  const rowCount = table.bits.length / table.rowWords;
  const rows = shared(rowCount * ruleWords);
  const always = new Uint32Array(ruleWords);
  const masks = new Map<number, Uint32Array>();
  sets.forEach((set, rule) => {
    let mask: Uint32Array = always;
    if (set !== ANYTHING) {
      mask = masks.get(set) ?? new Uint32Array(ruleWords);
      masks.set(set, mask);
    }
    mask[rule >>> 5]! |= 1 << (rule & 31);
  });
  for (let row = 0; row < rowCount; row++) {
    const at = row * ruleWords;
    rows.set(always, at);
    for (let set = 0; set < table.rowWords * 32; set++) {
      const word = table.bits[row * table.rowWords + (set >>> 5)]!;
      if (word === 0) {
        set |= 31;
        continue;
      }
      const mask = ((word >>> (set & 31)) & 1) === 0 ? undefined : masks.get(set);
      if (mask !== undefined) for (let i = 0; i < ruleWords; i++) rows[at + i]! |= mask[i]!;
    }
  }
  return rows;
}

/** Keeps what both have; they are of the same table. */
export function joinRows(rows: Uint32Array, others: Uint32Array): Uint32Array {
  for (let i = 0; i < rows.length; i++) rows[i]! &= others[i]!;
  return rows;
}

/** One row: the rules for which `isIn` holds. */
export function rulesWhere<T>(rules: readonly T[], isIn: (rule: T) => boolean): Uint32Array {
  const row = shared(wordsFor(rules.length));
  rules.forEach((rule, number) => {
    if (isIn(rule)) row[number >>> 5]! |= 1 << (number & 31);
  });
  return row;
}

export function wordsFor(ruleCount: number): number {
  return Math.max(1, Math.ceil(ruleCount / 32));
}

function shared(words: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(words * 4));
}
