/**
 * Birth and death of records: a new flow takes a free slot or that of the least worthy flow, another connection on
 * the same tuple takes over the slot with a new generation, silent flows are given up. Whoever holds a handle for a
 * flow is told before its record is cleared.
 */

import type { Packet } from "../decode/mod.ts";
import * as events from "./event.ts";
import { WORTHS, timeoutOf, worthOf } from "./expiry.ts";
import type { FlowLimits, FlowTimeouts } from "./limits.ts";
import * as record from "./record.ts";
import type { Reassembly } from "./reassembly.ts";
import type { FlowTable } from "./table.ts";
import type { Twins } from "./twins.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { FLOW_EVICTIONS, FlowEviction } = events;
const { FLOW_WORDS, Field, FlowFlag, FlowState, SIDE_WORDS, SideField, TapInfo } = record;

/** What survives when another connection takes over the tuple: where each side's packets are seen. */
const TAP_FIELDS = [SideField.Tap, SideField.Macs, SideField.Macs + 1, SideField.Macs + 2, SideField.TapInfo];

export class Connections {
  /** By FlowEviction (plus Worth). */
  readonly evicted = new Float64Array(FLOW_EVICTIONS);
  created = 0;

  private readonly table: FlowTable;
  private readonly reassembly: Reassembly;
  private readonly twins: Twins;
  private limits: FlowLimits;
  private readonly onEvict: (slot: number) => void;
  private readonly taps = new Int32Array(2 * TAP_FIELDS.length);

  constructor(
    table: FlowTable,
    reassembly: Reassembly,
    twins: Twins,
    limits: FlowLimits,
    onEvict: (slot: number) => void,
  ) {
    this.table = table;
    this.reassembly = reassembly;
    this.twins = twins;
    this.limits = limits;
    this.onEvict = onEvict;
  }

  /**
   * A record for the packet's tuple, which is not in the table, in the given state; it is in no list yet.
   * @param side of the packet's source
   * @returns the slot, or -1 where every flow that could give way is being killed
   */
  open(packet: Packet, hash: number, side: number, state: number, flags: number): number {
    let slot = this.table.insert(hash);
    if (slot < 0) {
      const least = this.table.lists.leastWorthy();
      if (least < 0) return -1;
      this.evict(least, FlowEviction.Pressure + worthOf(this.table.state(least), this.table.flags(least)));
      slot = this.table.insert(hash);
    }
    const { words } = this.table;
    const base = this.table.base(slot);
    const source = base + side * 4;
    const destination = base + (side ^ 1) * 4;
    words[source] = packet.source0;
    words[source + 1] = packet.source1;
    words[source + 2] = packet.source2;
    words[source + 3] = packet.source3;
    words[destination] = packet.destination0;
    words[destination + 1] = packet.destination1;
    words[destination + 2] = packet.destination2;
    words[destination + 3] = packet.destination3;
    words[base + Field.Ports] =
      side === 0
        ? (packet.sourcePort << 16) | packet.destinationPort
        : (packet.destinationPort << 16) | packet.sourcePort;
    this.begin(packet, slot, state, flags);
    return slot;
  }

  /**
   * Gives the tuple to another connection, in the given state.
   * @param initiator the side, as the old connection had it, that opened the new one
   */
  restart(packet: Packet, slot: number, initiator: number, state: number, flags: number): void {
    const { table, taps } = this;
    const { words } = table;
    this.evicted[FlowEviction.Replaced]++;
    this.release(slot);
    for (let side = 0; side < 2; side++) {
      const from = table.sideBase(slot, side ^ initiator);
      for (let i = 0; i < TAP_FIELDS.length; i++) taps[side * TAP_FIELDS.length + i] = words[from + TAP_FIELDS[i]];
    }
    table.reset(slot);
    if (initiator === 1) this.swap(slot);
    for (let side = 0; side < 2; side++) {
      const to = table.sideBase(slot, side);
      for (let i = 0; i < TAP_FIELDS.length; i++) words[to + TAP_FIELDS[i]] = taps[side * TAP_FIELDS.length + i];
      // Where the one that now sends is seen is known; where the other will be is not.
      if (this.isSender(packet, slot, side)) words[to + SideField.TapInfo] &= ~TapInfo.Inherited;
      else words[to + SideField.TapInfo] |= TapInfo.Inherited;
    }
    this.begin(packet, slot, state, flags);
  }

  /** From the next look at silent flows on. */
  setTimeouts(timeouts: FlowTimeouts): void {
    this.limits = { ...this.limits, ...timeouts };
  }

  /** Gives up flows that were silent too long; looks at `budget` of them at most. Returns how many went. */
  expire(nowMs: number, budget: number): number {
    let gone = 0;
    for (let worth = 0; worth < WORTHS && gone < budget; worth++) {
      const beforeMs = nowMs - timeoutOf(worth, this.limits);
      for (; gone < budget; gone++) {
        const slot = this.table.lists.silentSince(worth, beforeMs);
        if (slot < 0) break;
        this.evict(slot, FlowEviction.Expired + worth);
      }
    }
    return gone;
  }

  private begin(packet: Packet, slot: number, state: number, flags: number): void {
    const { table } = this;
    const base = table.base(slot);
    const family = packet.ipVersion === 4 ? FlowFlag.Ipv4 : 0;
    this.created++;
    table.words[base + Field.State] = state;
    table.words[base + Field.Flags] = flags | family | FlowFlag.Inspect0 | FlowFlag.Inspect1;
    table.doubles[(base + Field.CreatedMs) >> 1] = packet.timestampMs;
    table.doubles[(base + Field.LastSeenMs) >> 1] = packet.timestampMs;
    table.lists.enter(slot);
  }

  private evict(slot: number, reason: number): void {
    this.evicted[reason]++;
    this.release(slot);
    this.table.remove(slot);
  }

  private release(slot: number): void {
    this.onEvict(slot);
    this.table.lists.leave(slot);
    this.reassembly.discard(slot, 0);
    this.reassembly.discard(slot, 1);
    this.twins.unlink(slot);
  }

  private isSender(packet: Packet, slot: number, side: number): boolean {
    const { table } = this;
    return (
      table.port(slot, side) === packet.sourcePort &&
      table.addressWord(slot, side, 0) === packet.source0 &&
      table.addressWord(slot, side, 1) === packet.source1 &&
      table.addressWord(slot, side, 2) === packet.source2 &&
      table.addressWord(slot, side, 3) === packet.source3
    );
  }

  private swap(slot: number): void {
    const { words } = this.table;
    const base = slot * FLOW_WORDS;
    for (let word = 0; word < 4; word++) {
      const address = words[base + word];
      words[base + word] = words[base + 4 + word];
      words[base + 4 + word] = address;
    }
    const ports = words[base + Field.Ports];
    words[base + Field.Ports] = (ports << 16) | (ports >>> 16);
  }
}

/** Moves the flow to the state that its flags tell, where they tell more than the state does. */
export function settleState(table: FlowTable, slot: number): void {
  const state = table.state(slot);
  const flags = table.flags(slot);
  if (state === FlowState.Closed) return;
  if ((flags & (FlowFlag.Fin0 | FlowFlag.Fin1)) === 0) {
    // A FIN was denied.
    if (state === FlowState.Closing) table.lists.change(slot, FlowState.Established, 0);
    return;
  }
  table.lists.change(slot, bothFinsAcknowledged(table, slot, flags) ? FlowState.Closed : FlowState.Closing, 0);
}

function bothFinsAcknowledged(table: FlowTable, slot: number, flags: number): boolean {
  const needed = FlowFlag.Fin0 | FlowFlag.Fin1 | FlowFlag.Acked0 | FlowFlag.Acked1;
  if ((flags & needed) !== needed) return false;
  const { words } = table;
  const at = table.base(slot) + Field.Sides;
  const other = at + SIDE_WORDS;
  return (
    words[other + SideField.Acknowledged] === words[at + SideField.Next] &&
    words[at + SideField.Acknowledged] === words[other + SideField.Next]
  );
}
