/**
 * What a segment with ACK does to the numbers of its flow. The receiver's rules decide (net/ipv4/tcp_input.c
 * tcp_sequence, tcp_ack, tcp_paws_check): what it drops moves nothing here; what it may drop is doubtful, and
 * counts once the receiver acknowledges it. `Next` of a side grows over contiguous bytes, or because the receiver
 * acknowledges bytes that were seen sent or stepped over.
 */

import * as decode from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import * as events from "./event.ts";
import { LARGEST_UNSCALED_WINDOW } from "./limits.ts";
import * as record from "./record.ts";
import type { Reassembly } from "./reassembly.ts";
import type { FlowTable } from "./table.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { TcpFlag, add, after, before, distance, later } = decode;
const { FlowEvent } = events;
const { Field, FlowFlag, SideField, TTL_DROP, TapInfo } = record;

/** Shift for a window whose scale nobody saw: the largest one (RFC 7323 section 2.3). */
const UNKNOWN_SCALE = 14;
/** A segment that ends this far before what its receiver has acknowledged is no late duplicate. */
const OLDEST_DUPLICATE = 4 * LARGEST_UNSCALED_WINDOW;

/** Notes the window that a side offers with the acknowledgement number. */
export function offerWindow(words: Int32Array, at: number, packet: Packet): void {
  const info = words[at + SideField.IpInfo];
  const scale = ((info >>> 8) & 0xff) - 1;
  const syn = (packet.flags & TcpFlag.Syn) !== 0;
  words[at + SideField.WindowBytes] = syn || scale < 0 ? packet.window : packet.window << scale;
  const widest = syn ? packet.window : packet.window << (scale < 0 ? UNKNOWN_SCALE : scale);
  const edge = add(packet.acknowledgement, widest);
  // 0 while nothing was offered: the first offer counts whatever it is.
  const old = words[at + SideField.WindowEdge];
  words[at + SideField.WindowEdge] = old === 0 ? edge : later(old, edge);
}

export class Sequencer {
  private readonly table: FlowTable;
  private readonly words: Int32Array;
  private readonly reassembly: Reassembly;

  constructor(table: FlowTable, reassembly: Reassembly) {
    this.table = table;
    this.words = table.words;
    this.reassembly = reassembly;
  }

  /**
   * Judges and applies a segment without SYN and RST and with ACK, of a side whose `Next` is known.
   * @returns FlowEvent bits; OutOfWindow alone where it fits nowhere, with Doubtful where it lies behind a FIN
   */
  apply(packet: Packet, slot: number, side: number): number {
    const { words, table } = this;
    const at = table.sideBase(slot, side);
    const peerAt = table.sideBase(slot, side ^ 1);
    const flags = words[table.base(slot) + Field.Flags];
    const next = words[at + SideField.Next];
    const peerSeen = words[peerAt + SideField.Packets] !== 0;
    const sequence = packet.sequence;
    const payload = packet.payloadLength + packet.truncatedBytes;
    const length = payload + (packet.flags & TcpFlag.Fin);
    const end = add(sequence, length);

    if (peerSeen ? after(sequence, words[peerAt + SideField.WindowEdge]) : distance(sequence, next) > LARGEST_UNSCALED_WINDOW) {
      return FlowEvent.OutOfWindow;
    }
    const acknowledgedByPeer = words[peerAt + SideField.Acknowledged];
    const peerAcked = (flags & (FlowFlag.Acked1 >> side)) !== 0;
    const received = peerAcked && before(acknowledgedByPeer, next) ? acknowledgedByPeer : next;
    if (before(end, received)) {
      if (distance(received, end) > OLDEST_DUPLICATE) return FlowEvent.OutOfWindow;
      this.words[at + SideField.Packets]++;
      return payload > 0 ? FlowEvent.Retransmission : FlowEvent.DuplicateAck;
    }

    let event = this.judge(packet, at, peerAt, flags, peerSeen, side);
    if (event === FlowEvent.OutOfWindow) return event;
    this.count(at, packet, event === 0);
    if (event === 0) event = this.acknowledge(packet, slot, side, length);
    else if ((event & FlowEvent.AckUnseen) !== 0) {
      words[at + SideField.Acknowledged] = packet.acknowledgement;
      table.setFlag(slot, FlowFlag.Acked0 << side);
    }
    if (length > 0) event |= this.carry(packet, slot, side, event, payload, end, peerSeen);
    if (length === 0) words[at + SideField.Highest] = later(words[at + SideField.Highest], sequence);
    if (peerAcked) {
      const claimed = words[peerAt + SideField.Acknowledged];
      if (after(claimed, words[at + SideField.Next]) && !after(claimed, words[at + SideField.Highest])) {
        event |= this.reassembly.advanceTo(slot, side, claimed);
      }
    }
    if (!peerSeen && after(words[at + SideField.Highest], words[at + SideField.Next])) {
      event |= this.reassembly.wait(slot, side, sequence);
    }
    return event;
  }

  /** 0 where the receiver takes the packet, OutOfWindow where it cannot be of this connection, else Doubtful bits. */
  private judge(
    packet: Packet,
    at: number,
    peerAt: number,
    flags: number,
    peerSeen: boolean,
    side: number,
  ): number {
    const { words } = this;
    const acknowledgement = packet.acknowledgement;
    if ((flags & (FlowFlag.Next1 >> side)) !== 0) {
      const edge = words[at + SideField.WindowEdge];
      if (edge !== 0 && after(acknowledgement, edge)) return FlowEvent.OutOfWindow;
      if (peerSeen && after(acknowledgement, words[peerAt + SideField.Highest])) {
        if (!this.wasKeepAlive(acknowledgement, peerAt, flags)) return FlowEvent.Doubtful | FlowEvent.AckUnseen;
        words[peerAt + SideField.Next] = acknowledgement;
        words[peerAt + SideField.Highest] = acknowledgement;
      }
      // Older than what the peer's largest window explains: it answers a challenge ACK (RFC 5961 section 5.2).
      const known = words[at + SideField.Acknowledged];
      const highest = words[peerAt + SideField.Highest];
      const lag = distance(after(known, highest) ? highest : known, acknowledgement);
      if ((flags & (FlowFlag.Acked0 << side)) !== 0 && lag > Math.max(words[at + SideField.WindowBytes], LARGEST_UNSCALED_WINDOW)) {
        return lag > OLDEST_DUPLICATE && lag > words[at + SideField.WindowBytes] * 4
          ? FlowEvent.OutOfWindow
          : FlowEvent.Doubtful;
      }
    }
    if (packet.authenticated !== ((flags & FlowFlag.Authenticated) !== 0)) return FlowEvent.Doubtful;
    const lowTtl = packet.ttl + TTL_DROP <= (words[at + SideField.IpInfo] & 0xff);
    if (lowTtl && (words[at + SideField.TapInfo] & TapInfo.AtReceiver) === 0) return FlowEvent.Doubtful;
    if (packet.timestampPresent && (flags & FlowFlag.Timestamps) !== 0) {
      const recent = words[at + SideField.TimestampRecent];
      if (recent !== 0 && distance(recent, packet.timestampValue) > 1) return FlowEvent.Doubtful;
      if (recent === 0 || !after(packet.sequence, words[at + SideField.Next])) {
        words[at + SideField.TimestampRecent] = later(recent === 0 ? packet.timestampValue : recent, packet.timestampValue);
      }
    }
    return 0;
  }

  /** True where the peer was first seen in the middle by a keep-alive, which is sent one below its next number. */
  private wasKeepAlive(acknowledgement: number, peerAt: number, flags: number): boolean {
    return (
      (flags & FlowFlag.Midstream) !== 0 &&
      distance(acknowledgement, this.words[peerAt + SideField.Highest]) === 1 &&
      this.words[peerAt + SideField.Next] === this.words[peerAt + SideField.Highest] &&
      this.table.doubles[(peerAt + SideField.Bytes) >> 1] === 0
    );
  }

  private count(at: number, packet: Packet, believed: boolean): void {
    const { words } = this;
    words[at + SideField.Packets]++;
    const info = words[at + SideField.IpInfo];
    words[at + SideField.IpInfo] = believed
      ? (info & 0xff00) | packet.ttl | (packet.typeOfService << 16)
      : (info & 0xffffff) | (packet.ttl << 24);
  }

  /** Takes the acknowledgement number and the window of a packet that the receiver believes. */
  acknowledge(packet: Packet, slot: number, side: number, length: number): number {
    const { words, table } = this;
    const at = table.sideBase(slot, side);
    const peerAt = table.sideBase(slot, side ^ 1);
    const acknowledgement = packet.acknowledgement;
    const ackedBit = FlowFlag.Acked0 << side;
    const peerNextBit = FlowFlag.Next1 >> side;
    let event = 0;
    if (!table.hasFlag(slot, peerNextBit)) {
      table.setFlag(slot, peerNextBit);
      words[peerAt + SideField.Next] = acknowledgement;
      words[peerAt + SideField.Highest] = acknowledgement;
    }
    const known = words[at + SideField.Acknowledged];
    if (!table.hasFlag(slot, ackedBit)) {
      table.setFlag(slot, ackedBit);
      words[at + SideField.Acknowledged] = acknowledgement;
    } else if (after(acknowledgement, known)) {
      words[at + SideField.Acknowledged] = acknowledgement;
      event = FlowEvent.AckAdvanced;
      const once = FlowFlag.AckOnce0 << side;
      table.setFlag(slot, table.hasFlag(slot, once) ? FlowFlag.AckAdvanced0 << side : once);
    } else if (after(known, words[peerAt + SideField.Highest])) {
      // The earlier number claimed bytes that nobody sent.
      words[at + SideField.Acknowledged] = acknowledgement;
    } else if (length === 0 && acknowledgement === known) {
      event = FlowEvent.DuplicateAck;
    }
    offerWindow(words, at, packet);
    if (after(acknowledgement, words[peerAt + SideField.Next])) {
      if (words[peerAt + SideField.Packets] === 0) {
        // Never seen: its numbers are what the other side says of them.
        words[peerAt + SideField.Next] = acknowledgement;
        words[peerAt + SideField.Highest] = acknowledgement;
      } else {
        event |= this.reassembly.advanceTo(slot, side ^ 1, acknowledgement) & ~(FlowEvent.Data | FlowEvent.Fin);
      }
    }
    return event;
  }

  /** Takes payload and FIN. */
  private carry(
    packet: Packet,
    slot: number,
    side: number,
    judged: number,
    payload: number,
    end: number,
    peerSeen: boolean,
  ): number {
    const { words, table } = this;
    const at = table.sideBase(slot, side);
    if (!after(end, words[at + SideField.Next])) {
      return payload > 0 ? FlowEvent.Retransmission : 0;
    }
    words[at + SideField.Highest] = later(words[at + SideField.Highest], end);
    if (table.hasFlag(slot, FlowFlag.Fin0 << side)) {
      // It counts should the receiver acknowledge it, and so deny the FIN.
      this.reassembly.accept(slot, side, packet, packet.sequence, true);
      return FlowEvent.OutOfWindow | FlowEvent.Doubtful;
    }
    const edge = words[table.sideBase(slot, side ^ 1) + SideField.WindowEdge];
    const beyond = peerSeen && after(end, edge);
    const doubtful = beyond || (judged & FlowEvent.Doubtful) !== 0;
    return this.reassembly.accept(slot, side, packet, packet.sequence, doubtful);
  }
}
