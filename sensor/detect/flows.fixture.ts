/** Flow records written by hand, as the flow room would leave them. */
import { parseAddress } from "../../crds/mod.ts";
import { Field, FLOW_WORDS, FlowFlag, FlowState, SIDE_WORDS, SideField, TapInfo } from "../flow/mod.ts";
import type { FlowRecords } from "./records.ts";

export interface FlowLike {
  client?: string;
  server?: string;
  clientPort?: number;
  serverPort?: number;
  /** FlowState. */
  state?: number;
  flags?: number;
  /** Interface of each side's tap, 0 for none; PacketDirection there. */
  taps?: readonly [number, number];
  directions?: readonly [number, number];
  twin?: number;
}

export class HandMadeFlows implements FlowRecords {
  readonly capacity: number;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  #next = 0;
  #generation = 1;

  constructor(capacity = 64) {
    this.capacity = capacity;
    const memory = new ArrayBuffer(capacity * FLOW_WORDS * 4);
    this.words = new Int32Array(memory);
    this.doubles = new Float64Array(memory);
  }

  /** Slot of a new flow: alive and established unless told. */
  add(flow: FlowLike = {}): number {
    const slot = this.#next++;
    this.write(slot, flow);
    return slot;
  }

  /** Puts a new connection into a slot. */
  write(slot: number, flow: FlowLike = {}): void {
    const { words } = this;
    const base = slot * FLOW_WORDS;
    words.fill(0, base, base + FLOW_WORDS);
    const client = parseAddress(flow.client ?? "10.0.0.1")!;
    const server = parseAddress(flow.server ?? "192.0.2.1")!;
    words.set(client.words, base + Field.InitiatorAddress);
    words.set(server.words, base + Field.ResponderAddress);
    words[base + Field.Ports] = ((flow.clientPort ?? 40_000) << 16) | (flow.serverPort ?? 80);
    words[base + Field.State] = flow.state ?? FlowState.Established;
    words[base + Field.Flags] = (flow.flags ?? FlowFlag.BothWays) | (client.family === 4 ? FlowFlag.Ipv4 : 0) | FlowFlag.Inspect0 | FlowFlag.Inspect1;
    words[base + Field.Kill] = -1;
    words[base + Field.Twin] = flow.twin ?? -1;
    words[base + Field.DetectMatch] = -1;
    words[base + Field.Generation] = this.#generation++;
    for (let side = 0; side < 2; side++) {
      const at = base + Field.Sides + side * SIDE_WORDS;
      words[at + SideField.Tap] = flow.taps?.[side] ?? 0;
      words[at + SideField.TapInfo] = TapInfo.NoVlan | ((flow.directions?.[side] ?? 0) << TapInfo.DirectionShift);
    }
  }

  field(slot: number, field: number): number {
    return this.words[slot * FLOW_WORDS + field]!;
  }

  set(slot: number, field: number, value: number): void {
    this.words[slot * FLOW_WORDS + field] = value;
  }

  /** Which sides' bytes are still wanted: bit 0 the initiator's, bit 1 the responder's. */
  inspected(slot: number): number {
    const flags = this.field(slot, Field.Flags);
    return ((flags & FlowFlag.Inspect0) === 0 ? 0 : 1) | ((flags & FlowFlag.Inspect1) === 0 ? 0 : 2);
  }
}

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
