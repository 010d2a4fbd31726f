/**
 * The flow table: records in one zero-filled buffer, found through an open-addressing index with linear probing.
 * An index word is a slot + 1 with the upper bits of the hash beside it (0 is empty), so that a probe touches a
 * record only where the hash agrees; removal shifts back, so there are no tombstones. Nothing is written at
 * construction: a page that no flow has used is not in memory.
 */

import { Packet } from "../decode/mod.ts";
import { WorthLists } from "./expiry.ts";
import { TupleHash } from "./hash.ts";
import * as record from "./record.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { FLOW_WORDS, Field, FlowFlag, FlowState, SIDE_WORDS, SideField } = record;

export interface FlowTableOptions {
  /** Number of flows, at most 2^24. */
  readonly capacity: number;
  /** Of the hash; random for live traffic, fixed where runs must repeat. */
  readonly seed: number;
}

export class FlowTable {
  readonly capacity: number;
  readonly words: Int32Array;
  /** The same memory: index is `word offset >> 1`. */
  readonly doubles: Float64Array;
  readonly hash: TupleHash;
  readonly lists: WorthLists;
  /** Flows in the table. */
  size = 0;
  /** Side of the source of the last `find` that hit: 0 initiator, 1 responder. */
  foundSide = 0;
  /** Hash of the last tuple that was not found. */
  foundHash = 0;

  private readonly index: Int32Array;
  private readonly indexMask: number;
  private readonly slotMask: number;
  /** Slots from here on were never used. */
  private highWater = 0;
  /** First of the given-back slots, chained through LruNext, as slot + 1. */
  private firstFree = 0;
  private nextGeneration = 1;
  private lastSlot = 0;
  private readonly wanted = new Packet();

  constructor(options: FlowTableOptions) {
    const { capacity, seed } = options;
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 1 << 24) {
      throw new RangeError(`Choose a flow table capacity from 1 to 16777216: ${capacity}`);
    }
    let indexSize = 16;
    while (indexSize < capacity * 1.5) indexSize *= 2;
    let slotBits = 1;
    while (2 ** slotBits <= capacity) slotBits++;
    const memory = new ArrayBuffer(capacity * FLOW_WORDS * 4);
    this.capacity = capacity;
    this.words = new Int32Array(memory);
    this.doubles = new Float64Array(memory);
    this.index = new Int32Array(indexSize);
    this.indexMask = indexSize - 1;
    this.slotMask = 2 ** slotBits - 1;
    this.hash = new TupleHash(seed);
    this.lists = new WorthLists(this.words, this.doubles);
  }

  /** Bytes reserved for records and index; pages never touched are not in memory. */
  get reservedBytes(): number {
    return this.words.byteLength + this.index.byteLength;
  }

  /** First word of the record. */
  base(slot: number): number {
    return slot * FLOW_WORDS;
  }

  /** Slot of the connection between the two endpoints (either may be the initiator), -1 where there is none. */
  find(
    source0: number,
    source1: number,
    source2: number,
    source3: number,
    destination0: number,
    destination1: number,
    destination2: number,
    destination3: number,
    sourcePort: number,
    destinationPort: number,
  ): number {
    const { wanted } = this;
    wanted.source0 = source0;
    wanted.source1 = source1;
    wanted.source2 = source2;
    wanted.source3 = source3;
    wanted.destination0 = destination0;
    wanted.destination1 = destination1;
    wanted.destination2 = destination2;
    wanted.destination3 = destination3;
    wanted.sourcePort = sourcePort;
    wanted.destinationPort = destinationPort;
    return this.lookup(wanted);
  }

  /** Slot of the packet's connection, -1 where there is none; sets `foundSide`, or where it misses `foundHash`. */
  lookup(packet: Packet): number {
    // Packets come in trains: the last flow is often the next one.
    if (this.match(packet, this.lastSlot * FLOW_WORDS)) return this.lastSlot;
    const { hash: hasher, index, indexMask, slotMask } = this;
    const hash = hasher.join(
      hasher.endpoint(packet.source0, packet.source1, packet.source2, packet.source3, packet.sourcePort),
      hasher.endpoint(
        packet.destination0,
        packet.destination1,
        packet.destination2,
        packet.destination3,
        packet.destinationPort,
      ),
    );
    const tag = hash & ~slotMask;
    for (let place = hash & indexMask; ; place = (place + 1) & indexMask) {
      const entry = index[place];
      if (entry === 0) break;
      if ((entry & ~slotMask) !== tag) continue;
      const slot = (entry & slotMask) - 1;
      if (!this.match(packet, slot * FLOW_WORDS)) continue;
      this.lastSlot = slot;
      return slot;
    }
    this.foundHash = hash;
    return -1;
  }

  /** Whether the record is that of the packet's tuple, either way round; sets `foundSide`. */
  private match(packet: Packet, base: number): boolean {
    const { words } = this;
    const ports = words[base + Field.Ports];
    if (
      ports === ((packet.sourcePort << 16) | packet.destinationPort) &&
      words[base + 3] === packet.source3 &&
      words[base + 7] === packet.destination3 &&
      words[base + 2] === packet.source2 &&
      words[base + 6] === packet.destination2 &&
      words[base + 1] === packet.source1 &&
      words[base + 5] === packet.destination1 &&
      words[base] === packet.source0 &&
      words[base + 4] === packet.destination0
    ) {
      this.foundSide = 0;
      return words[base + Field.State] !== FlowState.Free;
    }
    if (
      ports === ((packet.destinationPort << 16) | packet.sourcePort) &&
      words[base + 3] === packet.destination3 &&
      words[base + 7] === packet.source3 &&
      words[base + 2] === packet.destination2 &&
      words[base + 6] === packet.source2 &&
      words[base + 1] === packet.destination1 &&
      words[base + 5] === packet.source1 &&
      words[base] === packet.destination0 &&
      words[base + 4] === packet.source0
    ) {
      this.foundSide = 1;
      return words[base + Field.State] !== FlowState.Free;
    }
    return false;
  }

  /**
   * A fresh record for a tuple with that hash (the `foundHash` of a `find` that missed), with a new generation, all
   * handles -1 and the rest 0; -1 when the table is full. The caller writes the tuple and calls `lists.enter`.
   */
  insert(hash: number): number {
    let slot: number;
    if (this.firstFree !== 0) {
      slot = this.firstFree - 1;
      this.firstFree = this.words[slot * FLOW_WORDS + Field.LruNext];
    } else if (this.highWater < this.capacity) {
      slot = this.highWater++;
    } else {
      return -1;
    }
    this.size++;
    this.reset(slot);
    this.words[slot * FLOW_WORDS + Field.Hash] = hash;
    let place = hash & this.indexMask;
    while (this.index[place] !== 0) place = (place + 1) & this.indexMask;
    this.index[place] = (hash & ~this.slotMask) | (slot + 1);
    return slot;
  }

  /** Clears everything behind the tuple and the hash and starts a new generation: the same slot, another connection. */
  reset(slot: number): void {
    const base = slot * FLOW_WORDS;
    const { words } = this;
    for (let word = base + Field.State; word < base + FLOW_WORDS; word++) words[word] = 0;
    words[base + Field.Kill] = -1;
    words[base + Field.Twin] = -1;
    words[base + Field.DetectMatch] = -1;
    words[base + Field.Sides + SideField.Reassembly] = -1;
    words[base + Field.Sides + SIDE_WORDS + SideField.Reassembly] = -1;
    words[base + Field.Generation] = this.nextGeneration;
    this.nextGeneration = (this.nextGeneration + 1) & 0x7fffffff;
  }

  /** Takes the record out; it must have left the lists. The slot is used again by a later `insert`. */
  remove(slot: number): void {
    const { words, index, indexMask, slotMask } = this;
    const base = slot * FLOW_WORDS;
    let hole = words[base + Field.Hash] & indexMask;
    while ((index[hole] & slotMask) !== slot + 1) hole = (hole + 1) & indexMask;
    for (let place = (hole + 1) & indexMask; index[place] !== 0; place = (place + 1) & indexMask) {
      const wanted = words[((index[place] & slotMask) - 1) * FLOW_WORDS + Field.Hash] & indexMask;
      if (((place - wanted) & indexMask) < ((place - hole) & indexMask)) continue;
      index[hole] = index[place];
      hole = place;
    }
    index[hole] = 0;
    words[base + Field.State] = FlowState.Free;
    words[base + Field.LruNext] = this.firstFree;
    this.firstFree = slot + 1;
    this.size--;
  }

  /** Visits every flow in the order of the slots; the visitor may remove the flow it is given. */
  forEach(visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.highWater; slot++) {
      if (this.words[slot * FLOW_WORDS + Field.State] !== FlowState.Free) visit(slot);
    }
  }

  /** FlowState. */
  state(slot: number): number {
    return this.words[slot * FLOW_WORDS + Field.State];
  }

  /** FlowFlag bits. */
  flags(slot: number): number {
    return this.words[slot * FLOW_WORDS + Field.Flags];
  }

  /** True where every one of the bits is set. */
  hasFlag(slot: number, bits: number): boolean {
    return (this.words[slot * FLOW_WORDS + Field.Flags] & bits) === bits;
  }

  setFlag(slot: number, bits: number): void {
    this.words[slot * FLOW_WORDS + Field.Flags] |= bits;
  }

  clearFlag(slot: number, bits: number): void {
    this.words[slot * FLOW_WORDS + Field.Flags] &= ~bits;
  }

  generation(slot: number): number {
    return this.words[slot * FLOW_WORDS + Field.Generation];
  }

  /** True while the slot still holds the connection that had this generation. */
  isAlive(slot: number, generation: number): boolean {
    const base = slot * FLOW_WORDS;
    return this.words[base + Field.Generation] === generation && this.words[base + Field.State] !== FlowState.Free;
  }

  /** First word of a side's block. */
  sideBase(slot: number, side: number): number {
    return slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS;
  }

  side(slot: number, side: number, field: number): number {
    return this.words[slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS + field];
  }

  /** What the peer's RCV.NXT is; valid with FlowFlag.Next0 << side. */
  next(slot: number, side: number): number {
    return this.side(slot, side, SideField.Next);
  }

  highest(slot: number, side: number): number {
    return this.side(slot, side, SideField.Highest);
  }

  /** Last acknowledgement number that the side sent; valid with FlowFlag.Acked0 << side. */
  acknowledged(slot: number, side: number): number {
    return this.side(slot, side, SideField.Acknowledged);
  }

  /** Initial sequence number; valid with FlowFlag.Isn0 << side. */
  isn(slot: number, side: number): number {
    return this.side(slot, side, SideField.Isn);
  }

  /** Receive window that the side offered last. */
  windowBytes(slot: number, side: number): number {
    return this.side(slot, side, SideField.WindowBytes);
  }

  /** Interface whose copy of the side's packets counts, 0 for none yet. */
  tap(slot: number, side: number): number {
    return this.side(slot, side, SideField.Tap);
  }

  packets(slot: number, side: number): number {
    return this.side(slot, side, SideField.Packets);
  }

  /** Payload bytes of the side, each counted once. */
  bytes(slot: number, side: number): number {
    return this.doubles[(slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS + SideField.Bytes) >> 1];
  }

  createdMs(slot: number): number {
    return this.doubles[(slot * FLOW_WORDS + Field.CreatedMs) >> 1];
  }

  lastSeenMs(slot: number): number {
    return this.doubles[(slot * FLOW_WORDS + Field.LastSeenMs) >> 1];
  }

  /** One of the four address words of a side. */
  addressWord(slot: number, side: number, word: number): number {
    return this.words[slot * FLOW_WORDS + side * 4 + word];
  }

  port(slot: number, side: number): number {
    const ports = this.words[slot * FLOW_WORDS + Field.Ports];
    return side === 0 ? ports >>> 16 : ports & 0xffff;
  }

  isIpv4(slot: number): boolean {
    return this.hasFlag(slot, FlowFlag.Ipv4);
  }

  /** Slot of the same connection's other tuple, -1 for none. */
  twin(slot: number): number {
    return this.words[slot * FLOW_WORDS + Field.Twin];
  }
}
