/**
 * One connection under two tuples: address translation changes addresses and ports, never sequence numbers. Two
 * flows are twins when their SYNs carry the same initial sequence number (or the SYN of one and what the SYN-ACK of
 * the other answers), or, of flows first seen in the middle, when one packet shows the same sequence number,
 * acknowledgement number and length on both; and they must share an endpoint or the TCP timestamp (a bare ACK: the
 * timestamp), and have come within a short while. `Field.Twin` links both ways.
 */

import { add } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { TWIN_KEYS } from "./limits.ts";
import { FLOW_WORDS, Field, SIDE_WORDS, SideField } from "./record.ts";
import type { FlowTable } from "./table.ts";

const KEY_WORDS = 8;
const Key = { Slot: 0, Generation: 1, First: 2, Second: 3, Length: 4, Timestamp: 5 } as const;

/** How long after the first tuple the second one may show. */
const TOGETHER_MS = 2000;

export class Twins {
  private readonly table: FlowTable;
  private readonly keys = new Int32Array(TWIN_KEYS * KEY_WORDS);

  constructor(table: FlowTable) {
    this.table = table;
  }

  /** A SYN made the flow. */
  onSyn(packet: Packet, slot: number): void {
    this.meet(packet, slot, packet.sequence, 0, -1, packet.timestampPresent ? packet.timestampValue : 0);
  }

  /** A SYN-ACK made the flow: a local client's SYN counts at its own interface only, where it had the other tuple. */
  onAnswer(packet: Packet, slot: number): void {
    this.meet(packet, slot, add(packet.acknowledgement, -1), 0, -1, packet.timestampPresent ? packet.timestampEcho : 0);
  }

  /** A packet of a flow that was first seen in the middle and has no twin yet. */
  onSegment(packet: Packet, slot: number): void {
    const timestamp = packet.timestampPresent ? packet.timestampValue : 0;
    if (packet.payloadLength === 0 && timestamp === 0) return;
    this.meet(packet, slot, packet.sequence, packet.acknowledgement, packet.payloadLength, timestamp);
  }

  unlink(slot: number): void {
    const { words } = this.table;
    const twin = words[slot * FLOW_WORDS + Field.Twin];
    if (twin < 0) return;
    words[slot * FLOW_WORDS + Field.Twin] = -1;
    if (words[twin * FLOW_WORDS + Field.Twin] === slot) words[twin * FLOW_WORDS + Field.Twin] = -1;
  }

  private meet(packet: Packet, slot: number, first: number, second: number, length: number, timestamp: number): void {
    const { keys, table } = this;
    const hash = table.hash.join(first, (second + length) | 0);
    const at = (hash & (TWIN_KEYS - 1)) * KEY_WORDS;
    const other = keys[at + Key.Slot] - 1;
    if (
      other >= 0 &&
      other !== slot &&
      keys[at + Key.First] === first &&
      keys[at + Key.Second] === second &&
      keys[at + Key.Length] === length &&
      table.isAlive(other, keys[at + Key.Generation]) &&
      table.twin(other) < 0 &&
      Math.abs(table.lastSeenMs(other) - packet.timestampMs) <= TOGETHER_MS &&
      ((timestamp !== 0 && timestamp === keys[at + Key.Timestamp]) || (length !== 0 && this.shareEndpoint(slot, other)))
    ) {
      table.words[slot * FLOW_WORDS + Field.Twin] = other;
      table.words[other * FLOW_WORDS + Field.Twin] = slot;
      return;
    }
    keys[at + Key.Slot] = slot + 1;
    keys[at + Key.Generation] = table.generation(slot);
    keys[at + Key.First] = first;
    keys[at + Key.Second] = second;
    keys[at + Key.Length] = length;
    keys[at + Key.Timestamp] = timestamp;
  }

  private shareEndpoint(one: number, other: number): boolean {
    return this.sameEndpoint(one, other, 0) || this.sameEndpoint(one, other, 1);
  }

  private sameEndpoint(one: number, other: number, side: number): boolean {
    const { table } = this;
    if (table.port(one, side) !== table.port(other, side)) return false;
    for (let word = 0; word < 4; word++) {
      if (table.addressWord(one, side, word) !== table.addressWord(other, side, word)) return false;
    }
    return true;
  }
}

/** 1 where the side that one record takes for the client is the other's server: their numbers tell. */
export function twinFlip(words: Int32Array, slot: number, twin: number): number {
  const one = slot * FLOW_WORDS + Field.Sides + SideField.Next;
  const other = twin * FLOW_WORDS + Field.Sides + SideField.Next;
  const straight = apart(words[one], words[other]) + apart(words[one + SIDE_WORDS], words[other + SIDE_WORDS]);
  const crossed = apart(words[one], words[other + SIDE_WORDS]) + apart(words[one + SIDE_WORDS], words[other]);
  return crossed < straight ? 1 : 0;
}

function apart(a: number, b: number): number {
  return Math.abs((a - b) | 0);
}
