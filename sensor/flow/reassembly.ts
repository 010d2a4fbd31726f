/**
 * The contiguous stream of each side. A segment in order is handed on straight from the packet; one behind a hole
 * waits (`waiting.ts`). As in Linux (tcp_ofo_queue) a segment in order wins over waiting ones, and what was handed on
 * never changes.
 *
 * A provisional segment (its receiver may drop it) moves nothing until its receiver acknowledges it, and gives way
 * to any other.
 */

import * as decode from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import * as events from "./event.ts";
import type { FlowLimits } from "./limits.ts";
import { CHUNK_BYTES, Header, NODE_WORDS, Node, NodeFlag, type SegmentPool } from "./pool.ts";
import * as record from "./record.ts";
import type { StreamSink } from "./stream.ts";
import type { FlowTable } from "./table.ts";
import { WaitingSegments } from "./waiting.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { TcpFlag, add, after, before, distance } = decode;
const { FlowEvent } = events;
const { FLOW_WORDS, Field, FlowFlag, SIDE_WORDS, SideField } = record;

/** Of a flow seen from one side only nobody acknowledges: a hole this many packets old is taken for a capture gap. */
const PATIENCE = 32;

export class Reassembly {
  readonly pool: SegmentPool;
  private readonly table: FlowTable;
  private readonly words: Int32Array;
  private readonly nodes: Int32Array;
  private readonly sink: StreamSink;
  private readonly waiting: WaitingSegments;
  /** The urgent byte of the side at work. */
  private urgent = false;
  private urgentSequence = 0;

  constructor(table: FlowTable, sink: StreamSink, limits: FlowLimits) {
    this.table = table;
    this.words = table.words;
    this.sink = sink;
    this.waiting = new WaitingSegments(table, sink, limits);
    this.pool = this.waiting.pool;
    this.nodes = this.pool.nodes;
  }

  /** Segments, or their bytes, that found no room. */
  get refused(): number {
    return this.waiting.refused;
  }

  /** Overlaps with other bytes for the same place. */
  get ambiguous(): number {
    return this.waiting.ambiguous;
  }

  get heldBytes(): number {
    return this.pool.heldBytes;
  }

  get capacityBytes(): number {
    return this.pool.bytes.length;
  }

  /**
   * Takes a segment that carries something (payload or FIN) beyond the side's `Next`, which must be known.
   * @param provisional true where its receiver may drop it
   * @returns FlowEvent bits
   */
  accept(slot: number, side: number, packet: Packet, sequence: number, provisional: boolean): number {
    const at = slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS;
    const length = packet.payloadLength + packet.truncatedBytes;
    const fin = packet.flags & TcpFlag.Fin;
    const skip = distance(this.words[at + SideField.Next], sequence);
    if (provisional) {
      this.waiting.enqueue(slot, side, packet, sequence, length, NodeFlag.Provisional | fin);
      return FlowEvent.Doubtful;
    }
    this.loadUrgent(at);
    if ((packet.flags & TcpFlag.Urg) !== 0) this.noteUrgent(at, sequence, packet.urgentPointer);
    let event: number;
    if (skip < 0) {
      event = FlowEvent.OutOfOrder | this.waiting.enqueue(slot, side, packet, sequence, length, fin);
    } else {
      const end = add(sequence, length + fin);
      if (this.words[at + SideField.Reassembly] >= 0) this.waiting.settleFiller(slot, side, packet, sequence, length);
      this.words[at + SideField.Next] = end;
      const present = Math.max(0, packet.payloadLength - skip);
      const fresh = Math.max(0, length - skip);
      event = FlowEvent.Data;
      if (present > 0) {
        this.deliver(slot, side, add(sequence, skip), packet.bytes, packet.payloadOffset + skip, present);
      }
      if (fresh > present) event |= this.gap(slot, side);
      this.table.doubles[(at + SideField.Bytes) >> 1] += fresh;
      if (fin !== 0) event |= this.finish(slot, side, add(end, -1));
      if (this.words[at + SideField.Reassembly] >= 0) event |= this.drain(slot, side);
    }
    if (this.urgent) this.keepUrgent(slot, side);
    return event;
  }

  /**
   * The receiver acknowledged up to here, beyond `Next`: what waits below was accepted, what is missing was missed
   * by the capture.
   * @returns FlowEvent bits
   */
  advanceTo(slot: number, side: number, acknowledged: number): number {
    const at = slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS;
    const { words, nodes } = this;
    this.loadUrgent(at);
    const finBit = FlowFlag.Fin0 << side;
    if (this.table.hasFlag(slot, finBit) && after(acknowledged, words[at + SideField.Next])) {
      // The receiver took bytes behind the FIN, so it never had it.
      this.table.clearFlag(slot, finBit);
      words[at + SideField.Next] = words[at + SideField.FinSequence];
    }
    let event = 0;
    const header = words[at + SideField.Reassembly];
    while (header >= 0 && !this.table.hasFlag(slot, finBit)) {
      const node = nodes[header * NODE_WORDS + Header.Head] - 1;
      if (node < 0) break;
      const sequence = nodes[node * NODE_WORDS + Node.Sequence];
      if (!before(sequence, acknowledged)) break;
      if (after(sequence, words[at + SideField.Next])) {
        words[at + SideField.Next] = sequence;
        event |= this.gap(slot, side);
      }
      const provisional = (nodes[node * NODE_WORDS + Node.Flags] & NodeFlag.Provisional) !== 0;
      if (provisional) this.believeTtl(at);
      if (provisional && after(this.waiting.endOf(node), acknowledged)) {
        event |= this.consume(slot, side, node, acknowledged);
        break;
      }
      event |= this.consume(slot, side, node, this.waiting.endOf(node));
      this.waiting.unlink(header, 0, node);
    }
    if (after(acknowledged, words[at + SideField.Next]) && !this.table.hasFlag(slot, finBit)) {
      words[at + SideField.Next] = acknowledged;
      event |= this.gap(slot, side);
    }
    if (header >= 0) event |= this.drain(slot, side);
    if (this.urgent) this.keepUrgent(slot, side);
    return event;
  }

  /**
   * Of a flow seen from one side only: another packet came whose sender had sent all up to `reached`, and the hole
   * at `Next` is still there. After enough of them nobody will fill it.
   * @returns FlowEvent bits
   */
  wait(slot: number, side: number, reached: number): number {
    const header = this.waiting.headerOf(slot, side);
    if (header < 0) return this.advanceTo(slot, side, reached);
    if (++this.nodes[header * NODE_WORDS + Header.Beyond] < PATIENCE) return 0;
    this.nodes[header * NODE_WORDS + Header.Beyond] = 0;
    const head = this.nodes[header * NODE_WORDS + Header.Head] - 1;
    return this.advanceTo(slot, side, head < 0 ? reached : add(this.nodes[head * NODE_WORDS + Node.Sequence], 1));
  }

  /** Forgets what waits, as when the flow goes or its numbers turn out to be others. */
  discard(slot: number, side: number): void {
    this.waiting.discard(slot, side);
  }

  /** Hands on what became contiguous. */
  private drain(slot: number, side: number): number {
    const at = slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS;
    const { words, nodes } = this;
    const header = words[at + SideField.Reassembly];
    const finBit = FlowFlag.Fin0 << side;
    let event = 0;
    while (!this.table.hasFlag(slot, finBit)) {
      const node = nodes[header * NODE_WORDS + Header.Head] - 1;
      if (node < 0 || after(nodes[node * NODE_WORDS + Node.Sequence], words[at + SideField.Next])) break;
      const fresh = after(this.waiting.endOf(node), words[at + SideField.Next]);
      if (fresh && (nodes[node * NODE_WORDS + Node.Flags] & NodeFlag.Provisional) !== 0) break;
      if (fresh) event |= this.consume(slot, side, node, this.waiting.endOf(node));
      this.waiting.unlink(header, 0, node);
    }
    const empty = nodes[header * NODE_WORDS + Header.Head] === 0;
    if (empty || this.table.hasFlag(slot, finBit)) this.discard(slot, side);
    else nodes[header * NODE_WORDS + Header.Beyond] = 0;
    return event;
  }

  /** Moves `Next`, which lies in or before the node, to `end` and hands the bytes between on. */
  private consume(slot: number, side: number, node: number, end: number): number {
    const at = slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS;
    const { words, nodes, pool } = this;
    const place = node * NODE_WORDS;
    const length = nodes[place + Node.Length];
    const from = distance(words[at + SideField.Next], nodes[place + Node.Sequence]);
    const to = Math.min(length, distance(end, nodes[place + Node.Sequence]));
    if (distance(end, words[at + SideField.Next]) <= 0) return 0;
    words[at + SideField.Next] = end;
    let event = FlowEvent.Data;
    if (to > from) {
      this.table.doubles[(at + SideField.Bytes) >> 1] += to - from;
      if (nodes[place + Node.Chunk] === 0) {
        event |= this.gap(slot, side);
      } else {
        let start = 0;
        for (let link = nodes[place + Node.Chunk]; link !== 0 && start < to; link = pool.chunkNext[link - 1]) {
          const low = Math.max(start, from);
          const high = Math.min(start + CHUNK_BYTES, to);
          if (high > low) {
            const offset = (link - 1) * CHUNK_BYTES + low - start;
            this.deliver(slot, side, add(nodes[place + Node.Sequence], low), pool.bytes, offset, high - low);
          }
          start += CHUNK_BYTES;
        }
      }
    }
    const finSequence = add(nodes[place + Node.Sequence], length);
    if ((nodes[place + Node.Flags] & NodeFlag.Fin) !== 0 && after(end, finSequence)) {
      event |= this.finish(slot, side, finSequence);
    }
    return event;
  }

  /** What was doubted arrived: so will more with the same TTL. */
  private believeTtl(at: number): void {
    const info = this.words[at + SideField.IpInfo];
    if (info >>> 24 !== 0) this.words[at + SideField.IpInfo] = (info & 0xffff00) | (info >>> 24);
  }

  private finish(slot: number, side: number, sequence: number): number {
    this.words[slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS + SideField.FinSequence] = sequence;
    this.table.setFlag(slot, FlowFlag.Fin0 << side);
    return FlowEvent.Fin;
  }

  private gap(slot: number, side: number): number {
    this.table.setFlag(slot, FlowFlag.Gap0 << side);
    if (this.table.hasFlag(slot, FlowFlag.Inspect0 << side)) this.sink.onGap(slot, side);
    return FlowEvent.Gap;
  }

  /** Hands bytes on, without the urgent byte (a receiver that does not read urgent data inline never sees it). */
  private deliver(slot: number, side: number, sequence: number, bytes: Uint8Array, offset: number, length: number) {
    const inspected = this.table.hasFlag(slot, FlowFlag.Inspect0 << side);
    const place = distance(this.urgentSequence, sequence);
    if (!this.urgent || place >= length) {
      if (inspected) this.sink.onBytes(slot, side, bytes, offset, length);
      return;
    }
    this.urgent = false;
    if (place < 0) {
      if (inspected) this.sink.onBytes(slot, side, bytes, offset, length);
      return;
    }
    this.table.setFlag(slot, FlowFlag.Ambiguous0 << side);
    if (!inspected) return;
    this.sink.onAlternate(slot, side, bytes, offset, length);
    if (place > 0) this.sink.onBytes(slot, side, bytes, offset, place);
    if (place + 1 < length) this.sink.onBytes(slot, side, bytes, offset + place + 1, length - place - 1);
  }

  /** Linux's tcp_check_urg: a pointer of 0 names the first byte, another one the byte before it. */
  private noteUrgent(at: number, sequence: number, pointer: number): void {
    const place = add(sequence, pointer === 0 ? 0 : pointer - 1);
    if (before(place, this.words[at + SideField.Next])) return;
    if (this.urgent && !after(place, this.urgentSequence)) return;
    this.urgent = true;
    this.urgentSequence = place;
  }

  private loadUrgent(at: number): void {
    const header = this.words[at + SideField.Reassembly];
    this.urgent = header >= 0 && this.nodes[header * NODE_WORDS + Header.Urgent] === 1;
    if (!this.urgent) return;
    this.urgentSequence = this.nodes[header * NODE_WORDS + Header.UrgentSequence];
    this.nodes[header * NODE_WORDS + Header.Urgent] = 0;
  }

  private keepUrgent(slot: number, side: number): void {
    const header = this.waiting.headerOf(slot, side);
    if (header < 0) return;
    this.nodes[header * NODE_WORDS + Header.Urgent] = 1;
    this.nodes[header * NODE_WORDS + Header.UrgentSequence] = this.urgentSequence;
  }
}
