/**
 * Header prediction (Van Jacobson; Linux's fast path in tcp_rcv_established): nearly every segment of an
 * established connection is the next one in order or an ACK of what was sent. Those take this one short function;
 * it must do exactly what `Sequencer` and `FlowTracker` would do for them, and takes nothing else.
 */

import * as decode from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import * as events from "./event.ts";
import * as record from "./record.ts";
import type { StreamSink } from "./stream.ts";
import type { FlowTable } from "./table.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { TcpFlag } = decode;
const { FlowEvent } = events;
const { FLOW_WORDS, Field, FlowFlag, FlowState, SIDE_WORDS, SideField, TTL_DROP } = record;

const PLAIN = TcpFlag.Fin | TcpFlag.Syn | TcpFlag.Rst | TcpFlag.Urg | TcpFlag.Ack;
/** Both sides known and heard. */
const NEEDED = FlowFlag.BothWays | FlowFlag.Next0 | FlowFlag.Next1 | FlowFlag.Acked0 | FlowFlag.Acked1;
/** What has rules of its own. */
const EXCLUDED = FlowFlag.Midstream | FlowFlag.Authenticated | FlowFlag.Fin0 | FlowFlag.Fin1;

export class Prediction {
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private readonly sink: StreamSink;

  constructor(table: FlowTable, sink: StreamSink) {
    this.words = table.words;
    this.doubles = table.doubles;
    this.sink = sink;
  }

  /** FlowEvent bits of a predicted segment; -1, with nothing done, where the segment is another. */
  apply(packet: Packet, slot: number, side: number): number {
    const { words } = this;
    const base = slot * FLOW_WORDS;
    const flags = words[base + Field.Flags];
    if (
      (packet.flags & PLAIN) !== TcpFlag.Ack ||
      words[base + Field.State] !== FlowState.Established ||
      (flags & (NEEDED | EXCLUDED)) !== NEEDED ||
      packet.truncatedBytes !== 0 ||
      packet.authenticated ||
      packet.sackCount !== 0 ||
      packet.mptcpSubtype >= 0
    ) {
      return -1;
    }
    const at = base + Field.Sides + side * SIDE_WORDS;
    const peerAt = base + Field.Sides + SIDE_WORDS - side * SIDE_WORDS;
    const sequence = packet.sequence;
    const length = packet.payloadLength;
    const end = (sequence + length) | 0;
    const acknowledgement = packet.acknowledgement;
    const known = words[at + SideField.Acknowledged];
    const advance = (acknowledgement - known) | 0;
    if (
      sequence !== words[at + SideField.Next] ||
      sequence !== words[at + SideField.Highest] ||
      packet.ttl + TTL_DROP <= (words[at + SideField.IpInfo] & 0xff) ||
      words[at + SideField.Reassembly] >= 0 ||
      advance < 0 ||
      ((words[peerAt + SideField.Next] - acknowledgement) | 0) < 0 ||
      ((words[peerAt + SideField.WindowEdge] - end) | 0) < 0
    ) {
      return -1;
    }
    if (packet.timestampPresent && (flags & FlowFlag.Timestamps) !== 0) {
      const recent = words[at + SideField.TimestampRecent];
      if (recent !== 0 && ((packet.timestampValue - recent) | 0) < 0) return -1;
      words[at + SideField.TimestampRecent] = packet.timestampValue;
    }
    words[at + SideField.Packets]++;
    const info = (words[at + SideField.IpInfo] & 0xff00) | packet.ttl | (packet.typeOfService << 16);
    words[at + SideField.IpInfo] = info;
    const scale = ((info >>> 8) & 0xff) - 1;
    const windowBytes = scale < 0 ? packet.window : packet.window << scale;
    words[at + SideField.WindowBytes] = windowBytes;
    const edge = (acknowledgement + (scale < 0 ? packet.window << 14 : windowBytes)) | 0;
    if (((edge - words[at + SideField.WindowEdge]) | 0) > 0) words[at + SideField.WindowEdge] = edge;
    let event = 0;
    if (advance > 0) {
      words[at + SideField.Acknowledged] = acknowledgement;
      event = FlowEvent.AckAdvanced;
      const both = (FlowFlag.AckOnce0 | FlowFlag.AckAdvanced0) << side;
      if ((flags & both) !== both) {
        const once = FlowFlag.AckOnce0 << side;
        words[base + Field.Flags] = flags | ((flags & once) === 0 ? once : FlowFlag.AckAdvanced0 << side);
      }
    } else if (length === 0) {
      return FlowEvent.DuplicateAck;
    }
    if (length === 0) return event;
    words[at + SideField.Next] = end;
    words[at + SideField.Highest] = end;
    this.doubles[(at + SideField.Bytes) >> 1] += length;
    if ((flags & (FlowFlag.Inspect0 << side)) !== 0) {
      this.sink.onBytes(slot, side, packet.bytes, packet.payloadOffset, length);
    }
    return event | FlowEvent.Data;
  }
}
