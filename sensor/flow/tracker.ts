/**
 * One packet into the flow table: whose it is, whether this copy of it counts, what it does to the numbers and the
 * state of its connection. The rules live beside: taps, handshake, sequence, reset, reassembly.
 */

import * as decode from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { Candidates } from "./candidates.ts";
import { Connections, settleState } from "./connections.ts";
import * as events from "./event.ts";
import { Handshake, isCleanSyn } from "./handshake.ts";
import { Listeners } from "./initiator.ts";
import { DEFAULT_LIMITS, LARGEST_WINDOW, type FlowLimits, type FlowTimeouts } from "./limits.ts";
import { Reassembly } from "./reassembly.ts";
import * as record from "./record.ts";
import { Prediction } from "./prediction.ts";
import { isExactReset } from "./reset.ts";
import { RivalVerdict, Rivals } from "./rivals.ts";
import { Sequencer, offerWindow } from "./sequence.ts";
import { NULL_SINK, type StreamSink } from "./stream.ts";
import type { FlowTable } from "./table.ts";
import { NO_HOMES, TapVerdict, Taps, type Homes } from "./taps.ts";
import { Twins } from "./twins.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { Protocol, TcpFlag, add, after, distance } = decode;
const { FLOW_REFUSALS, FlowEvent, FlowRefusal } = events;
const { FlowFlag, FlowState, SideField } = record;

export interface FlowTrackerOptions {
  readonly table: FlowTable;
  /** Where the contiguous bytes go; nowhere when absent. */
  readonly stream?: StreamSink;
  readonly limits?: Partial<FlowLimits>;
  readonly homes?: Homes;
  /** Called before the record of a connection is cleared: whoever keeps a handle in it lets go. */
  readonly onEvict?: (slot: number) => void;
}

/** Packets of a flow first seen in the middle that are offered to find its twin. */
const TWIN_ATTEMPTS = 8;

export class FlowTracker {
  /** Of the last packet: side of its sender. */
  side = 0;
  /** Of the last packet: FlowEvent bits. */
  event = 0;
  /** Packets that made or moved nothing, by FlowRefusal. */
  readonly refused = new Float64Array(FLOW_REFUSALS);
  readonly table: FlowTable;
  readonly connections: Connections;
  readonly reassembly: Reassembly;
  readonly taps: Taps;

  private readonly words: Int32Array;
  private readonly prediction: Prediction;
  private readonly sequencer: Sequencer;
  private readonly handshake: Handshake;
  private readonly candidates = new Candidates();
  private readonly rivals = new Rivals();
  private readonly listeners = new Listeners();
  private readonly twins: Twins;

  constructor(options: FlowTrackerOptions) {
    const { table } = options;
    const limits: FlowLimits = { ...DEFAULT_LIMITS, ...options.limits };
    this.table = table;
    this.words = table.words;
    this.taps = new Taps(table, options.homes ?? NO_HOMES);
    this.twins = new Twins(table);
    const stream = options.stream ?? NULL_SINK;
    this.prediction = new Prediction(table, stream);
    this.reassembly = new Reassembly(table, stream, limits);
    this.sequencer = new Sequencer(table, this.reassembly);
    const onEvict = options.onEvict ?? (() => {});
    this.connections = new Connections(table, this.reassembly, this.twins, limits, onEvict);
    this.handshake = new Handshake(
      table,
      this.connections,
      this.reassembly,
      this.sequencer,
      this.candidates,
      this.listeners,
      this.twins,
    );
  }

  /** Slot of the packet's flow after the packet, -1 where it has none; sets `side` and `event`. */
  update(packet: Packet): number {
    this.event = 0;
    this.side = 0;
    if (packet.protocol !== Protocol.Tcp) return this.refuse(FlowRefusal.NotTcp, -1);
    const slot = this.table.lookup(packet);
    if (slot < 0) return this.first(packet, this.table.foundHash);
    const side = this.table.foundSide;
    this.side = side;
    const verdict = this.taps.admit(packet, slot, side);
    if (verdict !== TapVerdict.Accept) return this.refuseCopy(verdict, slot);
    const newSecond = this.table.lists.touch(slot, packet.timestampMs);
    const predicted = this.prediction.apply(packet, slot, side);
    const flags = packet.flags;
    if (predicted >= 0) {
      this.event = predicted;
      this.rivals.forget(slot, side);
    } else if ((flags & TcpFlag.Rst) !== 0) this.event = this.onReset(packet, slot, side);
    else if ((flags & TcpFlag.Syn) !== 0) this.onSyn(packet, slot, side);
    else if ((flags & TcpFlag.Ack) !== 0) this.onSegment(packet, slot, side);
    else this.refused[FlowRefusal.BadFlags]++;
    if (newSecond && (this.event & FlowEvent.OutOfWindow) === 0) this.taps.record(packet, slot, this.side);
    if (this.taps.placed) {
      this.taps.placed = false;
      this.event |= FlowEvent.Placed;
    }
    return slot;
  }

  /**
   * An ICMP error about a SYN: who sent it gives up at once (tcp_v4_err of net/ipv4/tcp_ipv4.c; a connection that is
   * open lives on). Slot of the connection, -1 where it has none; sets `side` and `event`.
   */
  onUnreachable(packet: Packet): number {
    const { table } = this;
    this.event = 0;
    this.side = 1;
    const slot = table.lookup(packet);
    const isAboutSyn = slot >= 0 && table.foundSide === 1 && table.state(slot) === FlowState.SynSent && table.isn(slot, 0) === packet.acknowledgement;
    if (!isAboutSyn || !this.taps.reachesInitiator(packet, slot)) return this.refuse(FlowRefusal.Unreachable, slot);
    table.lists.touch(slot, packet.timestampMs);
    table.lists.change(slot, FlowState.Closed, 0);
    this.event = FlowEvent.Closed;
    return slot;
  }

  setTimeouts(timeouts: FlowTimeouts): void {
    this.connections.setTimeouts(timeouts);
  }

  /** Gives up flows that were silent too long, at most `budget` of them; returns how many went. */
  expire(nowMs: number, budget: number): number {
    return this.connections.expire(nowMs, budget);
  }

  private first(packet: Packet, hash: number): number {
    const flags = packet.flags;
    if ((flags & TcpFlag.Rst) !== 0) return this.refuse(FlowRefusal.RstWithoutFlow, -1);
    const syn = (flags & TcpFlag.Syn) !== 0;
    const ack = (flags & TcpFlag.Ack) !== 0;
    if (syn ? !isCleanSyn(flags) : !ack) return this.refuse(FlowRefusal.BadFlags, -1);
    const verdict = this.taps.admitFirst(packet);
    if (verdict !== TapVerdict.Accept) return this.refuseCopy(verdict, -1);
    const side = syn ? (ack ? 1 : 0) : this.inferSide(packet);
    const state = syn ? (ack ? FlowState.SynReceived : FlowState.SynSent) : FlowState.Established;
    const slot = this.connections.open(packet, hash, side, state, syn ? 0 : FlowFlag.Midstream | FlowFlag.Inferred);
    if (slot < 0) return this.refuse(FlowRefusal.TableFull, -1);
    this.side = side;
    this.event = FlowEvent.Created;
    this.taps.record(packet, slot, side);
    if (!syn) {
      this.startInMiddle(packet, slot, side);
    } else if (ack) {
      this.handshake.openByAnswer(packet, slot);
      this.event |= FlowEvent.SynAckSeen;
    } else {
      this.handshake.open(packet, slot);
      this.event |= FlowEvent.SynSeen;
    }
    if (this.table.twin(slot) >= 0) this.event |= FlowEvent.TwinMet;
    this.taps.placed = false;
    return slot;
  }

  private inferSide(packet: Packet): number {
    const { hash } = this.table;
    const { source0, source1, source2, source3, destination0, destination1, destination2, destination3 } = packet;
    const source = hash.endpoint(source0, source1, source2, source3, packet.sourcePort);
    const destination = hash.endpoint(destination0, destination1, destination2, destination3, packet.destinationPort);
    return this.listeners.sourceIsInitiator(source, packet.sourcePort, destination, packet.destinationPort) ? 0 : 1;
  }

  /** The first packet of a fresh record, of a connection that was open before: it tells both sides' numbers. */
  private startInMiddle(packet: Packet, slot: number, side: number): void {
    const { table, words } = this;
    const at = table.sideBase(slot, side);
    const length = packet.payloadLength + packet.truncatedBytes + (packet.flags & TcpFlag.Fin);
    words[at + SideField.Next] = packet.sequence;
    words[at + SideField.Highest] = add(packet.sequence, length);
    words[at + SideField.Packets] = 1;
    words[at + SideField.IpInfo] = packet.ttl | (packet.typeOfService << 16);
    let flags = FlowFlag.Next0 << side;
    if (packet.timestampPresent) {
      flags |= FlowFlag.Timestamps;
      words[at + SideField.TimestampRecent] = packet.timestampValue;
    }
    if (packet.authenticated) flags |= FlowFlag.Authenticated;
    if (packet.mptcpSubtype >= 0) flags |= FlowFlag.Mptcp;
    table.setFlag(slot, flags);
    this.sequencer.acknowledge(packet, slot, side, length);
    if (length > 0) this.event |= this.reassembly.accept(slot, side, packet, packet.sequence, false);
    this.twins.onSegment(packet, slot);
    settleState(table, slot);
  }

  private onReset(packet: Packet, slot: number, side: number): number {
    const { table, words } = this;
    if (!isExactReset(table, packet, slot, side)) {
      this.refused[FlowRefusal.RstInexact]++;
      return FlowEvent.RstInexact;
    }
    const at = table.sideBase(slot, side);
    const peerAt = table.sideBase(slot, side ^ 1);
    words[at + SideField.Packets]++;
    const closes = table.state(slot) !== FlowState.Closed;
    if (closes) {
      // What only a living connection can pass: see `reopen`.
      if (!table.hasFlag(slot, FlowFlag.Fin0 << side)) words[at + SideField.FinSequence] = packet.sequence;
      if (!table.hasFlag(slot, FlowFlag.Fin1 >> side)) {
        words[peerAt + SideField.FinSequence] = words[at + SideField.WindowEdge];
      }
    }
    table.lists.change(slot, FlowState.Closed, FlowFlag.Rst0 << side);
    return closes ? FlowEvent.RstExact | FlowEvent.Closed : FlowEvent.RstExact;
  }

  private onSyn(packet: Packet, slot: number, side: number): void {
    if (!isCleanSyn(packet.flags)) {
      this.refused[FlowRefusal.BadFlags]++;
      return;
    }
    if ((packet.flags & TcpFlag.Ack) === 0) {
      this.event = this.handshake.onSyn(packet, slot, side);
    } else {
      this.event = this.handshake.onAnswer(packet, slot, side);
      if (this.event === FlowEvent.OutOfWindow) {
        this.refused[FlowRefusal.BadSynAck]++;
        this.resolve(packet, slot, side);
        return;
      }
    }
    this.side = this.handshake.side;
    if ((this.event & FlowEvent.NewConnection) !== 0 && this.table.twin(slot) >= 0) this.event |= FlowEvent.TwinMet;
  }

  private onSegment(packet: Packet, slot: number, side: number): void {
    const { table } = this;
    const state = table.state(slot);
    if (state <= FlowState.SynReceived && !this.mayEstablish(packet, slot, side, state)) {
      this.event = FlowEvent.OutOfWindow;
      this.refused[FlowRefusal.OutOfWindow]++;
      return;
    }
    this.event = this.sequencer.apply(packet, slot, side);
    if ((this.event & FlowEvent.OutOfWindow) !== 0) {
      const fitsNowhere = this.event === FlowEvent.OutOfWindow;
      this.refused[fitsNowhere ? FlowRefusal.OutOfWindow : FlowRefusal.AfterFin]++;
      if (fitsNowhere) this.resolve(packet, slot, side);
      else settleState(table, slot);
      return;
    }
    this.rivals.forget(slot, side);
    if ((this.event & FlowEvent.Doubtful) === 0) this.settle(packet, slot, side, state);
    else settleState(table, slot);
    if (state !== FlowState.Closed && table.state(slot) === FlowState.Closed) this.event |= FlowEvent.Closed;
  }

  /** What follows from a packet that the receiver believes. */
  private settle(packet: Packet, slot: number, side: number, state: number): void {
    const { table } = this;
    const flags = table.flags(slot);
    if (state <= FlowState.SynReceived) {
      table.lists.change(slot, FlowState.Established, 0);
      this.event |= FlowEvent.Established;
    }
    if ((flags & FlowFlag.BothWays) === 0 && table.packets(slot, side ^ 1) > 0) {
      table.lists.change(slot, table.state(slot), FlowFlag.BothWays);
    }
    if (packet.sackCount > 0) table.setFlag(slot, FlowFlag.Sack);
    if (packet.mptcpSubtype >= 0) table.setFlag(slot, FlowFlag.Mptcp);
    const seekTwin = (flags & FlowFlag.Midstream) !== 0 && table.twin(slot) < 0;
    if (seekTwin && table.packets(slot, side) <= TWIN_ATTEMPTS) {
      this.twins.onSegment(packet, slot);
      if (table.twin(slot) >= 0) this.event |= FlowEvent.TwinMet;
    }
    if (state === FlowState.Closed && (flags & (FlowFlag.Rst0 | FlowFlag.Rst1)) !== 0) this.reopen(slot, side, flags);
    settleState(table, slot);
  }

  /** Whether a segment fits a handshake that is not complete. */
  private mayEstablish(packet: Packet, slot: number, side: number, state: number): boolean {
    const { table } = this;
    if (side === 1) return state === FlowState.SynReceived;
    if (state === FlowState.SynSent) return true;
    this.handshake.onThirdPacket(packet, slot);
    return !table.hasFlag(slot, FlowFlag.Isn1) || after(packet.acknowledgement, table.isn(slot, 1));
  }

  /**
   * A connection that an exact RST ended lives on where the RST's receiver acknowledges bytes sent after it, or its
   * supposed sender acknowledges more than it had let the other send before it.
   */
  private reopen(slot: number, side: number, flags: number): void {
    const { table } = this;
    const peer = side ^ 1;
    const acknowledged = table.acknowledged(slot, side);
    if ((flags & (FlowFlag.Fin0 << peer)) !== 0) return;
    if (!after(acknowledged, table.side(slot, peer, SideField.FinSequence))) return;
    table.clearFlag(slot, FlowFlag.Rst0 | FlowFlag.Rst1);
    table.lists.change(slot, FlowState.Established, 0);
    this.event |= FlowEvent.Reopened;
  }

  /** A packet that fits nowhere: see `rivals.ts`. */
  private resolve(packet: Packet, slot: number, side: number): void {
    const { table, rivals } = this;
    const length = packet.payloadLength + packet.truncatedBytes + (packet.flags & (TcpFlag.Fin | TcpFlag.Syn) ? 1 : 0);
    const peerSeen = table.packets(slot, side ^ 1) > 0;
    const { sequence, acknowledgement } = packet;
    const generation = table.generation(slot);
    const verdict = rivals.note(slot, generation, side, sequence, length, acknowledgement, peerSeen);
    if (verdict !== RivalVerdict.Proven || (packet.flags & TcpFlag.Syn) !== 0) return;
    if (this.continues(packet, slot, side)) {
      this.event = FlowEvent.Gap;
      this.jump(packet, slot, side);
      return;
    }
    const peerNoted = rivals.sideNoted(slot, side ^ 1);
    const peerEnd = rivals.end(slot, side ^ 1);
    const peerAcknowledgement = rivals.acknowledgement(slot, side ^ 1);
    const initiator = this.inferSide(packet) === 0 ? side : side ^ 1;
    this.connections.restart(packet, slot, initiator, FlowState.Established, FlowFlag.Midstream | FlowFlag.Inferred);
    this.side = side === initiator ? 0 : 1;
    this.event = FlowEvent.NewConnection;
    this.startInMiddle(packet, slot, this.side);
    if (table.twin(slot) >= 0) this.event |= FlowEvent.TwinMet;
    if (!peerNoted) return;
    const peerAt = table.sideBase(slot, this.side ^ 1);
    this.words[peerAt + SideField.Packets] = 1;
    if (after(peerEnd, this.words[peerAt + SideField.Highest])) this.words[peerAt + SideField.Highest] = peerEnd;
    this.words[peerAt + SideField.WindowEdge] = add(peerAcknowledgement, LARGEST_WINDOW);
    table.lists.change(slot, table.state(slot), FlowFlag.BothWays);
  }

  /** Whether proven rivals are the same connection behind a capture gap: one direction went on without a break. */
  private continues(packet: Packet, slot: number, side: number): boolean {
    const { table, rivals } = this;
    const peer = side ^ 1;
    const jumped = distance(packet.sequence, table.next(slot, side));
    const acknowledges = distance(packet.acknowledgement, table.next(slot, peer));
    if (!rivals.sideNoted(slot, peer)) return jumped > 0 && acknowledges >= 0 && acknowledges < LARGEST_WINDOW;
    const peerJumped = distance(rivals.sequence(slot, peer), table.next(slot, peer));
    return jumped >= 0 && peerJumped >= 0 && (jumped === 0 || peerJumped === 0);
  }

  /** Takes up both streams of the same connection behind the gap. */
  private jump(packet: Packet, slot: number, side: number): void {
    const { table, words, reassembly, rivals } = this;
    const at = table.sideBase(slot, side);
    const peer = side ^ 1;
    const peerAt = table.sideBase(slot, peer);
    if (after(packet.sequence, table.next(slot, side))) {
      reassembly.discard(slot, side);
      reassembly.advanceTo(slot, side, packet.sequence);
      words[at + SideField.Highest] = packet.sequence;
    }
    if (after(packet.acknowledgement, table.next(slot, peer))) {
      reassembly.discard(slot, peer);
      reassembly.advanceTo(slot, peer, packet.acknowledgement);
      words[peerAt + SideField.Highest] = packet.acknowledgement;
    }
    if (rivals.sideNoted(slot, peer)) {
      const end = rivals.end(slot, peer);
      if (after(end, words[peerAt + SideField.Highest])) words[peerAt + SideField.Highest] = end;
    }
    words[at + SideField.WindowEdge] = 0;
    offerWindow(words, at, packet);
    words[peerAt + SideField.WindowEdge] = add(packet.sequence, LARGEST_WINDOW);
    rivals.forget(slot, side);
    rivals.forget(slot, peer);
    this.event |= this.sequencer.apply(packet, slot, side);
    settleState(table, slot);
  }

  private refuse(refusal: number, slot: number): number {
    this.refused[refusal]++;
    return slot;
  }

  private refuseCopy(verdict: number, slot: number): number {
    const spoofed = verdict === TapVerdict.Spoofed;
    this.event = spoofed ? FlowEvent.Spoofed : FlowEvent.Copy;
    return this.refuse(spoofed ? FlowRefusal.Spoofed : FlowRefusal.Copy, slot);
  }
}
