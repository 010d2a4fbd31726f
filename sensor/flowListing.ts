/**
 * One look at the connection table for `flowreset flows`, a little at a time between two batches of packets: a table
 * of a million connections must not hold up a reset.
 */
import type { FlowLine, FlowQuery } from "./control/mod.ts";
import { parseAddress } from "./decode/mod.ts";
import { flowLine, flowStateName } from "./describe.ts";
import type { InterfaceName } from "./describe.ts";
import { Field, FlowState } from "./flow/mod.ts";
import type { FlowTable } from "./flow/mod.ts";

/** Looked at, and written down, in one turn: some 20 and 50 microseconds. */
const SLOTS_A_TURN = 2_048;
const LINES_A_TURN = 16;

export interface FlowListingParts {
  readonly table: FlowTable;
  readonly nameOf: InterfaceName;
  readonly findingsOf: (slot: number, generation: number) => readonly string[];
}

export class FlowListing {
  readonly id: number;
  isDone = false;
  readonly #query: FlowQuery;
  readonly #parts: FlowListingParts;
  /** Undefined: any; null: no address, so none. */
  readonly #address: Int32Array | null | undefined;
  readonly #state: string | undefined;
  #slot = 0;
  #listed = 0;

  constructor(id: number, query: FlowQuery, parts: FlowListingParts) {
    this.id = id;
    this.#query = query;
    this.#parts = parts;
    this.#address = query.ip === undefined ? undefined : parseAddress(query.ip);
    this.#state = query.state?.toLowerCase();
  }

  /** The next lines, perhaps none; sets `isDone`. */
  turn(nowMs: number): FlowLine[] {
    const { table, nameOf, findingsOf } = this.#parts;
    const { limit } = this.#query;
    const lines: FlowLine[] = [];
    const mostLines = Math.min(limit - this.#listed, LINES_A_TURN);
    const end = Math.min(table.capacity, this.#slot + SLOTS_A_TURN);
    for (; this.#slot < end && lines.length < mostLines; this.#slot++) {
      const slot = this.#slot;
      if (table.state(slot) === FlowState.Free || !this.#fits(slot)) continue;
      lines.push(flowLine(table, slot, nameOf, nowMs, findingsOf(slot, table.generation(slot))));
    }
    this.#listed += lines.length;
    this.isDone = this.#listed >= limit || this.#slot === table.capacity;
    return lines;
  }

  #fits(slot: number): boolean {
    const { table } = this.#parts;
    const { port } = this.#query;
    if (port !== undefined && table.port(slot, 0) !== port && table.port(slot, 1) !== port) return false;
    if (this.#state !== undefined && flowStateName(table.state(slot)).toLowerCase() !== this.#state) return false;
    return this.#address === undefined || this.#has(slot, Field.InitiatorAddress) || this.#has(slot, Field.ResponderAddress);
  }

  #has(slot: number, field: number): boolean {
    const { words } = this.#parts.table;
    const base = this.#parts.table.base(slot) + field;
    const address = this.#address;
    if (address === null || address === undefined) return false;
    for (let word = 0; word < 4; word++) if (words[base + word] !== address[word]) return false;
    return true;
  }
}
