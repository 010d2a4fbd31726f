/**
 * SYN and SYN-ACK: who opened, both initial sequence numbers, the options that both agreed on. A SYN with another
 * number on a live tuple proves nothing until a SYN-ACK acknowledges it: then the tuple has another connection, and
 * until then the old one keeps its numbers. Directions never flip: whoever sent the first SYN is the initiator, in a
 * simultaneous open and a split handshake too.
 */

import { TcpFlag, add, distance, later } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import type { Candidates } from "./candidates.ts";
import type { Connections } from "./connections.ts";
import { FlowEvent } from "./event.ts";
import type { Listeners } from "./initiator.ts";
import { LARGEST_UNSCALED_WINDOW } from "./limits.ts";
import { FlowFlag, FlowState, SideField } from "./record.ts";
import type { Reassembly } from "./reassembly.ts";
import { offerWindow, type Sequencer } from "./sequence.ts";
import type { FlowTable } from "./table.ts";
import type { Twins } from "./twins.ts";

const LARGEST_SCALE = 14;
/** How a connection ends but by an ICMP error. */
const ENDED = FlowFlag.Rst0 | FlowFlag.Rst1 | FlowFlag.Fin0 | FlowFlag.Fin1;
const BOTH_FINS = FlowFlag.Fin0 | FlowFlag.Fin1;

export class Handshake {
  /** Side of the packet after the last call: a new connection may have turned the sides round. */
  side = 0;

  private readonly table: FlowTable;
  private readonly words: Int32Array;
  private readonly connections: Connections;
  private readonly reassembly: Reassembly;
  private readonly sequencer: Sequencer;
  private readonly candidates: Candidates;
  private readonly listeners: Listeners;
  private readonly twins: Twins;

  constructor(
    table: FlowTable,
    connections: Connections,
    reassembly: Reassembly,
    sequencer: Sequencer,
    candidates: Candidates,
    listeners: Listeners,
    twins: Twins,
  ) {
    this.table = table;
    this.words = table.words;
    this.connections = connections;
    this.reassembly = reassembly;
    this.sequencer = sequencer;
    this.candidates = candidates;
    this.listeners = listeners;
    this.twins = twins;
  }

  /** A SYN on a record whose connection it opens (new, or just restarted): the packet is side 0's. */
  open(packet: Packet, slot: number): void {
    this.side = 0;
    const at = this.table.sideBase(slot, 0);
    this.begin(packet, slot, 0, packet.timestampPresent ? packet.timestampValue : 0);
    this.words[at + SideField.WindowBytes] = packet.window;
    this.putScale(at, packet.windowScale);
    this.hold(packet, slot, 0);
    this.twins.onSyn(packet, slot);
  }

  /** A SYN without ACK on a known tuple. */
  onSyn(packet: Packet, slot: number, side: number): number {
    const { table } = this;
    this.side = side;
    if (table.hasFlag(slot, FlowFlag.Isn0 << side) && table.isn(slot, side) === packet.sequence) {
      this.words[table.sideBase(slot, side) + SideField.Packets]++;
      if (side === 0) this.tryAgain(slot);
      return FlowEvent.SynSeen | FlowEvent.Retransmission;
    }
    const state = table.state(slot);
    if (state === FlowState.Closed || table.hasFlag(slot, BOTH_FINS)) {
      this.connections.restart(packet, slot, side, FlowState.SynSent, 0);
      this.open(packet, slot);
      return FlowEvent.NewConnection | FlowEvent.SynSeen;
    }
    if (state === FlowState.SynSent && side === 1) {
      this.answer(packet, slot, 1);
      this.words[table.sideBase(slot, 1) + SideField.WindowEdge] = add(table.next(slot, 0), packet.window);
      table.lists.change(slot, FlowState.SynReceived, FlowFlag.BothWays);
      return FlowEvent.SynSeen;
    }
    const timestamp = packet.timestampPresent ? packet.timestampValue : 0;
    const scale = packet.windowScale;
    this.candidates.note(slot, table.generation(slot), side, packet.sequence, packet.window, scale, timestamp);
    return FlowEvent.SynSeen | FlowEvent.SynPending;
  }

  /** Not every system gives up where an ICMP error answers its SYN (RFC 1122 section 4.2.3.9): some send it again. */
  private tryAgain(slot: number): void {
    const { table } = this;
    const isRefused = table.state(slot) === FlowState.Closed && (table.flags(slot) & ENDED) === 0;
    if (isRefused) table.lists.change(slot, FlowState.SynSent, 0);
  }

  /** A SYN-ACK of a connection whose SYN was not seen, on a new record: the packet is side 1's. */
  openByAnswer(packet: Packet, slot: number): void {
    const { words, table } = this;
    const at = table.sideBase(slot, 0);
    words[at + SideField.Isn] = add(packet.acknowledgement, -1);
    words[at + SideField.Next] = packet.acknowledgement;
    words[at + SideField.Highest] = packet.acknowledgement;
    words[at + SideField.WindowBytes] = LARGEST_UNSCALED_WINDOW;
    table.setFlag(slot, FlowFlag.Isn0 | FlowFlag.Next0);
    this.acceptAnswer(packet, slot);
    this.twins.onAnswer(packet, slot);
  }

  /** A SYN-ACK on a known tuple; OutOfWindow where it answers nothing. */
  onAnswer(packet: Packet, slot: number, side: number): number {
    const { table, words, candidates } = this;
    const peer = side ^ 1;
    const generation = table.generation(slot);
    const answered = add(packet.acknowledgement, -1);
    this.side = side;
    if (candidates.has(slot, generation, peer, answered)) {
      const window = candidates.window(slot, peer);
      const scale = candidates.scale(slot, peer);
      const timestamp = candidates.timestamp(slot, peer);
      this.connections.restart(packet, slot, peer, FlowState.SynReceived, 0);
      const at = table.sideBase(slot, 0);
      words[at + SideField.Isn] = answered;
      words[at + SideField.Next] = packet.acknowledgement;
      words[at + SideField.Highest] = packet.acknowledgement;
      words[at + SideField.WindowBytes] = window;
      words[at + SideField.TimestampRecent] = timestamp;
      words[at + SideField.Packets] = 1;
      this.putScale(at, scale);
      table.setFlag(slot, FlowFlag.Isn0 | FlowFlag.Next0);
      this.acceptAnswer(packet, slot);
      this.twins.onAnswer(packet, slot);
      return FlowEvent.NewConnection | FlowEvent.SynAckSeen;
    }
    const state = table.state(slot);
    const past = state === FlowState.Closed || table.hasFlag(slot, BOTH_FINS);
    if (past && !(this.isIsn(slot, side, packet.sequence) && this.isIsn(slot, peer, answered))) {
      this.connections.restart(packet, slot, peer, FlowState.SynReceived, 0);
      this.openByAnswer(packet, slot);
      return FlowEvent.NewConnection | FlowEvent.SynAckSeen;
    }
    if (!this.answersSyn(packet, slot, peer)) return FlowEvent.OutOfWindow;
    if (!table.hasFlag(slot, FlowFlag.Isn0 << side)) {
      this.acceptAnswer(packet, slot);
      return FlowEvent.SynAckSeen;
    }
    if (table.isn(slot, side) === packet.sequence) {
      words[table.sideBase(slot, side) + SideField.Packets]++;
      if (state === FlowState.SynSent || state === FlowState.SynReceived) {
        this.sequencer.acknowledge(packet, slot, side, 1);
        return FlowEvent.SynAckSeen;
      }
      return FlowEvent.SynAckSeen | FlowEvent.Retransmission;
    }
    if (state !== FlowState.SynReceived) return FlowEvent.OutOfWindow;
    this.candidates.note(slot, generation, side, packet.sequence, packet.window, packet.windowScale, 0);
    return FlowEvent.OutOfWindow;
  }

  /** The initiator acknowledges a second SYN-ACK instead of the first: the responder's numbers are those of that. */
  onThirdPacket(packet: Packet, slot: number): void {
    const { table, words } = this;
    const isn = add(packet.acknowledgement, -1);
    if (this.isIsn(slot, 1, isn) || !this.candidates.has(slot, table.generation(slot), 1, isn)) return;
    const at = table.sideBase(slot, 1);
    this.reassembly.discard(slot, 1);
    words[at + SideField.Isn] = isn;
    words[at + SideField.Next] = packet.acknowledgement;
    words[at + SideField.Highest] = packet.acknowledgement;
    words[at + SideField.TimestampRecent] = 0;
    const initiator = table.sideBase(slot, 0);
    words[initiator + SideField.WindowEdge] = add(packet.acknowledgement, words[initiator + SideField.WindowBytes]);
  }

  /** True where the ACK number covers the SYN of the side, with the data in it or without. */
  private answersSyn(packet: Packet, slot: number, side: number): boolean {
    if (!this.table.hasFlag(slot, FlowFlag.Isn0 << side)) return false;
    const isn = this.table.isn(slot, side);
    const covered = distance(packet.acknowledgement, isn);
    return covered >= 1 && covered <= distance(this.table.highest(slot, side), isn);
  }

  private isIsn(slot: number, side: number, isn: number): boolean {
    return this.table.hasFlag(slot, FlowFlag.Isn0 << side) && this.table.isn(slot, side) === isn;
  }

  /** The first SYN-ACK of side 1, for a SYN of side 0 whose numbers are known. */
  private acceptAnswer(packet: Packet, slot: number): void {
    const { table, words, reassembly } = this;
    this.side = 1;
    const at = table.sideBase(slot, 1);
    const initiator = table.sideBase(slot, 0);
    const isn = words[initiator + SideField.Isn];
    if (words[initiator + SideField.Next] !== add(isn, 1)) {
      // An ACK forged before the handshake was believed.
      reassembly.discard(slot, 0);
      words[initiator + SideField.Next] = add(isn, 1);
      words[initiator + SideField.Highest] = later(add(isn, 1), packet.acknowledgement);
    }
    this.answer(packet, slot, 1);
    words[at + SideField.Acknowledged] = packet.acknowledgement;
    table.clearFlag(slot, FlowFlag.Acked0);
    table.setFlag(slot, FlowFlag.Acked1);
    offerWindow(words, at, packet);
    if (packet.acknowledgement === add(isn, 1)) {
      // Data in the SYN was not taken: it comes again.
      reassembly.discard(slot, 0);
      words[initiator + SideField.Highest] = packet.acknowledgement;
    } else {
      reassembly.advanceTo(slot, 0, packet.acknowledgement);
    }
    this.agree(packet, slot);
    table.lists.change(slot, FlowState.SynReceived, words[initiator + SideField.Packets] > 0 ? FlowFlag.BothWays : 0);
    this.hold(packet, slot, 1);
    this.listeners.remember(
      table.hash.endpoint(packet.source0, packet.source1, packet.source2, packet.source3, packet.sourcePort),
    );
  }

  /** The responder's own numbers, and what the initiator's SYN offered to receive. */
  private answer(packet: Packet, slot: number, side: number): void {
    const { table, words } = this;
    const at = table.sideBase(slot, side);
    this.begin(packet, slot, side, packet.timestampPresent ? packet.timestampValue : 0);
    words[at + SideField.WindowBytes] = packet.window;
    this.putScale(at, packet.windowScale);
    const peerAt = table.sideBase(slot, side ^ 1);
    words[peerAt + SideField.WindowEdge] = add(words[at + SideField.Next], words[peerAt + SideField.WindowBytes]);
  }

  private begin(packet: Packet, slot: number, side: number, timestamp: number): void {
    const { table, words } = this;
    const at = table.sideBase(slot, side);
    words[at + SideField.Isn] = packet.sequence;
    words[at + SideField.Next] = add(packet.sequence, 1);
    words[at + SideField.Highest] = add(packet.sequence, 1);
    words[at + SideField.TimestampRecent] = timestamp;
    words[at + SideField.Packets]++;
    words[at + SideField.IpInfo] = packet.ttl | (packet.typeOfService << 16);
    table.setFlag(slot, (FlowFlag.Isn0 | FlowFlag.Next0) << side);
  }

  /** Data in a SYN or SYN-ACK: its receiver may leave it. */
  private hold(packet: Packet, slot: number, side: number): void {
    if (packet.payloadLength + packet.truncatedBytes === 0) return;
    const { table, words } = this;
    const at = table.sideBase(slot, side);
    const first = add(packet.sequence, 1);
    words[at + SideField.Highest] = add(first, packet.payloadLength + packet.truncatedBytes);
    this.reassembly.accept(slot, side, packet, first, true);
  }

  /** Options count where SYN and SYN-ACK both carry them (RFC 7323 section 2.2, RFC 2018 section 2). */
  private agree(packet: Packet, slot: number): void {
    const { table, words } = this;
    const at = table.sideBase(slot, 1);
    const initiator = table.sideBase(slot, 0);
    if (packet.windowScale < 0) {
      this.putScale(at, 0);
      this.putScale(initiator, 0);
    } else if (((words[initiator + SideField.IpInfo] >>> 8) & 0xff) === 0 && words[initiator + SideField.Packets] > 0) {
      this.putScale(at, 0);
      this.putScale(initiator, 0);
    }
    let flags = 0;
    if (packet.timestampPresent) flags |= FlowFlag.Timestamps;
    if (packet.sackPermitted) flags |= FlowFlag.Sack;
    if (packet.mptcpSubtype >= 0) flags |= FlowFlag.Mptcp;
    if (packet.authenticated) flags |= FlowFlag.Authenticated;
    table.setFlag(slot, flags);
  }

  private putScale(at: number, scale: number): void {
    const stored = scale < 0 ? 0 : Math.min(scale, LARGEST_SCALE) + 1;
    this.words[at + SideField.IpInfo] = (this.words[at + SideField.IpInfo] & ~0xff00) | (stored << 8);
  }
}

/** True where the flags are those of a SYN that a listener takes. */
export function isCleanSyn(flags: number): boolean {
  return (flags & (TcpFlag.Fin | TcpFlag.Rst)) === 0;
}
