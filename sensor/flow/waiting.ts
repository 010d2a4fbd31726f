/**
 * The segments of a side that wait behind a hole, sorted by sequence number, and who wins where they overlap (Linux:
 * net/ipv4/tcp_input.c tcp_data_queue_ofo). Of two waiting segments the one that starts first wins, of two that
 * start together the longer, else the older. Bytes are kept where the side is inspected, without them a segment is
 * an interval, and neighbours become one. Losing bytes that differ go to `onAlternate`.
 */

import * as decode from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import type { FlowLimits } from "./limits.ts";
import { CHUNK_BYTES, Header, NODE_WORDS, Node, NodeFlag, SegmentPool } from "./pool.ts";
import * as record from "./record.ts";
import type { StreamSink } from "./stream.ts";
import type { FlowTable } from "./table.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { add, after, before, distance } = decode;
const { FLOW_WORDS, Field, FlowFlag, SIDE_WORDS, SideField } = record;

export class WaitingSegments {
  readonly pool: SegmentPool;
  /** Segments, or their bytes, that found no room. */
  refused = 0;
  /** Overlaps with other bytes for the same place. */
  ambiguous = 0;

  private readonly table: FlowTable;
  private readonly words: Int32Array;
  private readonly nodes: Int32Array;
  private readonly sink: StreamSink;
  private readonly limits: FlowLimits;

  constructor(table: FlowTable, sink: StreamSink, limits: FlowLimits) {
    this.table = table;
    this.words = table.words;
    this.sink = sink;
    this.limits = limits;
    this.pool = new SegmentPool(limits.segments, limits.reassemblyBytes);
    this.nodes = this.pool.nodes;
  }

  /** Gives everything back, the list itself too. */
  discard(slot: number, side: number): void {
    const at = slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS;
    const header = this.words[at + SideField.Reassembly];
    if (header < 0) return;
    while (this.nodes[header * NODE_WORDS + Header.Head] !== 0) {
      this.unlink(header, 0, this.nodes[header * NODE_WORDS + Header.Head] - 1);
    }
    this.pool.giveNode(header);
    this.words[at + SideField.Reassembly] = -1;
  }

  /** Handle of the side's list, made where there is none; -1 where there is no room for it. */
  headerOf(slot: number, side: number): number {
    const at = slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS + SideField.Reassembly;
    if (this.words[at] < 0) this.words[at] = this.pool.takeNode();
    return this.words[at];
  }

  /** Puts a segment into the list, or drops it where others already hold all of it. */
  enqueue(
    slot: number,
    side: number,
    packet: Packet,
    sequence: number,
    length: number,
    flags: number,
  ): number {
    const header = this.headerOf(slot, side);
    if (header < 0) return this.refuse();
    const { nodes } = this;
    const end = add(sequence, length + (flags & NodeFlag.Fin));
    const provisional = (flags & NodeFlag.Provisional) !== 0;
    let previous = 0;
    let link = nodes[header * NODE_WORDS + Header.Head];
    while (link !== 0) {
      const node = link - 1;
      const nodeSequence = nodes[node * NODE_WORDS + Node.Sequence];
      const following = nodes[node * NODE_WORDS + Node.Next];
      if (!before(nodeSequence, end)) break;
      if (!after(this.endOf(node), sequence)) {
        previous = link;
      } else if (provisional) {
        this.contest(slot, side, node, packet, sequence, false);
        return 0;
      } else if ((nodes[node * NODE_WORDS + Node.Flags] & NodeFlag.Provisional) !== 0) {
        this.contest(slot, side, node, packet, sequence, true);
        this.unlink(header, previous, node);
      } else if (!after(nodeSequence, sequence) && !after(end, this.endOf(node))) {
        this.contest(slot, side, node, packet, sequence, false);
        return 0;
      } else if (before(nodeSequence, sequence)) {
        this.contest(slot, side, node, packet, sequence, false);
        previous = link;
      } else {
        this.contest(slot, side, node, packet, sequence, true);
        if (!after(this.endOf(node), end)) this.unlink(header, previous, node);
        else break;
      }
      link = following;
    }
    return this.place(slot, side, header, previous, packet, sequence, length, flags);
  }

  /** Links a new node behind `previous` (node + 1, 0 for the head). */
  private place(
    slot: number,
    side: number,
    header: number,
    previous: number,
    packet: Packet,
    sequence: number,
    length: number,
    flags: number,
  ): number {
    const { nodes, pool, limits, table } = this;
    const head = header * NODE_WORDS;
    const isFull = nodes[head + Header.Segments] >= limits.segmentsPerSide;
    const keepsBytes = packet.payloadLength > 0 && table.hasFlag(slot, FlowFlag.Inspect0 << side);
    let chunk = 0;
    if (keepsBytes) {
      const fits = !isFull && packet.truncatedBytes === 0 && nodes[head + Header.HeldBytes] + length <= limits.reassemblyBytesPerSide;
      if (fits) chunk = pool.store(packet.bytes, packet.payloadOffset, length);
      if (chunk === 0) this.refuse();
    }
    if (chunk === 0 && flags === 0 && this.merge(previous, sequence, length)) return 0;
    if (isFull) return keepsBytes ? 0 : this.refuse();
    const node = pool.takeNode();
    if (node < 0) {
      pool.free(chunk);
      return this.refuse();
    }
    const place = node * NODE_WORDS;
    const before = previous === 0 ? head + Header.Head : (previous - 1) * NODE_WORDS + Node.Next;
    nodes[place + Node.Next] = nodes[before];
    nodes[before] = node + 1;
    nodes[place + Node.Sequence] = sequence;
    nodes[place + Node.Length] = length;
    nodes[place + Node.Flags] = flags;
    nodes[place + Node.Chunk] = chunk;
    nodes[head + Header.Segments]++;
    if (chunk !== 0) nodes[head + Header.HeldBytes] += length;
    return 0;
  }

  /** Lengthens the segment before where neither keeps bytes: a long hole costs one node. */
  private merge(previous: number, sequence: number, length: number): boolean {
    const { nodes } = this;
    if (previous === 0) return false;
    const place = (previous - 1) * NODE_WORDS;
    if (nodes[place + Node.Chunk] !== 0 || nodes[place + Node.Flags] !== 0) return false;
    if (before(this.endOf(previous - 1), sequence)) return false;
    nodes[place + Node.Length] = distance(add(sequence, length), nodes[place + Node.Sequence]);
    return true;
  }

  /** A segment in order meets waiting ones: it wins; those that differ are shown as alternates. */
  settleFiller(slot: number, side: number, packet: Packet, sequence: number, length: number): void {
    const at = slot * FLOW_WORDS + Field.Sides + side * SIDE_WORDS;
    const header = this.words[at + SideField.Reassembly];
    const { nodes } = this;
    const end = add(sequence, length);
    let previous = 0;
    let link = nodes[header * NODE_WORDS + Header.Head];
    while (link !== 0 && before(nodes[(link - 1) * NODE_WORDS + Node.Sequence], end)) {
      const node = link - 1;
      link = nodes[node * NODE_WORDS + Node.Next];
      this.contest(slot, side, node, packet, sequence, true);
      if ((nodes[node * NODE_WORDS + Node.Flags] & NodeFlag.Provisional) !== 0) this.unlink(header, previous, node);
      else previous = node + 1;
    }
  }

  /** Where a waiting segment and a packet differ in their common bytes, shows the losing one. */
  private contest(
    slot: number,
    side: number,
    node: number,
    packet: Packet,
    sequence: number,
    packetWins: boolean,
  ): void {
    const { nodes, pool } = this;
    const place = node * NODE_WORDS;
    const shift = distance(nodes[place + Node.Sequence], sequence);
    const from = Math.max(0, -shift);
    const to = Math.min(nodes[place + Node.Length], packet.payloadLength - shift);
    let differs = false;
    let start = 0;
    for (let link = nodes[place + Node.Chunk]; link !== 0 && start < to; link = pool.chunkNext[link - 1]) {
      const high = Math.min(start + CHUNK_BYTES, to);
      const held = (link - 1) * CHUNK_BYTES - start;
      const seen = packet.payloadOffset + shift;
      for (let i = Math.max(start, from); i < high; i++) {
        if (pool.bytes[held + i] !== packet.bytes[seen + i]) {
          differs = true;
          break;
        }
      }
      start += CHUNK_BYTES;
    }
    if (!differs) return;
    this.ambiguous++;
    this.table.setFlag(slot, FlowFlag.Ambiguous0 << side);
    if (!this.table.hasFlag(slot, FlowFlag.Inspect0 << side)) return;
    if (!packetWins) {
      this.sink.onAlternate(slot, side, packet.bytes, packet.payloadOffset, packet.payloadLength);
      return;
    }
    let left = nodes[place + Node.Length];
    for (let link = nodes[place + Node.Chunk]; link !== 0; link = pool.chunkNext[link - 1]) {
      this.sink.onAlternate(slot, side, pool.bytes, (link - 1) * CHUNK_BYTES, Math.min(CHUNK_BYTES, left));
      left -= CHUNK_BYTES;
    }
  }

  /** One past the segment, its FIN included. */
  endOf(node: number): number {
    const place = node * NODE_WORDS;
    const fin = this.nodes[place + Node.Flags] & NodeFlag.Fin;
    return add(this.nodes[place + Node.Sequence], this.nodes[place + Node.Length] + fin);
  }

  /** Takes a node out and gives it back; `previous` is node + 1, 0 where it is the head. */
  unlink(header: number, previous: number, node: number): void {
    const { nodes } = this;
    const head = header * NODE_WORDS;
    const place = node * NODE_WORDS;
    const before = previous === 0 ? head + Header.Head : (previous - 1) * NODE_WORDS + Node.Next;
    nodes[before] = nodes[place + Node.Next];
    nodes[head + Header.Segments]--;
    if (nodes[place + Node.Chunk] !== 0) {
      nodes[head + Header.HeldBytes] -= nodes[place + Node.Length];
      this.pool.free(nodes[place + Node.Chunk]);
    }
    this.pool.giveNode(node);
  }

  private refuse(): number {
    this.refused++;
    return 0;
  }
}
