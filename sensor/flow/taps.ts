/**
 * Which copy of a packet counts. One packet shows on a pod's interface, a bridge and an uplink; of each side only
 * the packets at its tap count, in the tap's direction. The tap is the sender's own interface where that is known
 * and a pod's (nothing else is believed of a local pod), else the interface of the local pod at the other end, else
 * where the side was first seen; when a tap stays silent while copies elsewhere go ahead, the tap moves there.
 */

import * as decode from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import * as record from "./record.ts";
import type { FlowTable } from "./table.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { PacketDirection, after } = decode;
const { FlowFlag, SideField, TapInfo } = record;

export const InterfaceKind = { Unknown: 0, Pod: 1, Bridge: 2, Uplink: 3, Tunnel: 4, Loopback: 5 } as const;

/** What topology knows. It must name captured interfaces only: what is believed of a pod is seen there or nowhere. */
export interface Homes {
  /** Index of the interface behind which the address (four words, IPv4 mapped) lives, 0 where unknown. */
  homeOf(word0: number, word1: number, word2: number, word3: number): number;
  /** InterfaceKind. */
  kindOf(interfaceIndex: number): number;
}

export const NO_HOMES: Homes = { homeOf: () => 0, kindOf: () => InterfaceKind.Unknown };

export const TapVerdict = { Accept: 0, Copy: 1, Spoofed: 2 } as const;

/** Copies ahead of a silent tap before the tap moves. */
const AHEAD_TO_MOVE = 8;

/** What a packet at the tap takes back. */
const CLEARED_AT_TAP = TapInfo.AheadMask | TapInfo.Inherited;

const SERVICE_TAG_TPID = 0x88a8;

export class Taps {
  /** Times a tap moved because it had gone silent. */
  moved = 0;
  /** A side was seen where it was not before; whoever looks sets it to false. */
  placed = false;
  private readonly table: FlowTable;
  private readonly homes: Homes;

  constructor(table: FlowTable, homes: Homes) {
    this.table = table;
    this.homes = homes;
  }

  /** Of a packet whose tuple is not in the table. */
  admitFirst(packet: Packet): number {
    const home = this.homes.homeOf(packet.source0, packet.source1, packet.source2, packet.source3);
    if (home === 0) return TapVerdict.Accept;
    return this.judgeHome(packet, home);
  }

  /** Of a packet of a known flow; sets the tap of the side where it has none, or a better or livelier one. */
  admit(packet: Packet, slot: number, side: number): number {
    const { words } = this.table;
    const at = this.table.sideBase(slot, side);
    const tap = words[at + SideField.Tap];
    const info = words[at + SideField.TapInfo];
    const direction = (info & TapInfo.DirectionMask) >> TapInfo.DirectionShift;
    const outgoing = packet.direction === PacketDirection.Outgoing;
    if (packet.interfaceIndex === tap && outgoing === (direction === PacketDirection.Outgoing)) {
      if ((info & CLEARED_AT_TAP) !== 0) this.confirm(at, info);
      return TapVerdict.Accept;
    }
    const home = this.homes.homeOf(packet.source0, packet.source1, packet.source2, packet.source3);
    if (home !== 0) {
      const verdict = this.judgeHome(packet, home);
      if (verdict !== TapVerdict.Accept) return verdict;
      if (this.homes.kindOf(home) === InterfaceKind.Pod) return this.settle(packet, slot, side);
    }
    if (tap === 0) return this.settle(packet, slot, side);
    if (packet.interfaceIndex === tap) {
      const fromPod = !outgoing && this.homes.kindOf(tap) === InterfaceKind.Pod;
      return fromPod ? TapVerdict.Spoofed : TapVerdict.Copy;
    }
    const peerHome = this.homes.homeOf(
      packet.destination0,
      packet.destination1,
      packet.destination2,
      packet.destination3,
    );
    if (peerHome === packet.interfaceIndex && outgoing && this.homes.kindOf(peerHome) === InterfaceKind.Pod) {
      return this.settle(packet, slot, side);
    }
    if (!this.isAhead(packet, slot, side)) return TapVerdict.Copy;
    const ahead = ((info & TapInfo.AheadMask) >> TapInfo.AheadShift) + 1;
    if (ahead < AHEAD_TO_MOVE) {
      words[at + SideField.TapInfo] = (info & ~TapInfo.AheadMask) | (ahead << TapInfo.AheadShift);
      return TapVerdict.Copy;
    }
    this.moved++;
    // Two interfaces that packets of one side come in by, and nothing says which is its own.
    if (!outgoing && direction !== PacketDirection.Outgoing && !this.isWithin(packet, slot, side)) {
      this.table.setFlag(slot, FlowFlag.Contested);
    }
    return this.settle(packet, slot, side);
  }

  /** True where a packet is seen on its way to the initiator: by the interface that the initiator's own come in by. */
  reachesInitiator(packet: Packet, slot: number): boolean {
    const tap = this.table.side(slot, 0, SideField.Tap);
    if (packet.interfaceIndex !== tap) return false;
    return this.homes.kindOf(tap) !== InterfaceKind.Pod || packet.direction === PacketDirection.Outgoing;
  }

  /** Writes down where and how the side's packets are seen: interface, direction, MACs, VLAN. */
  record(packet: Packet, slot: number, side: number): void {
    const { words } = this.table;
    const at = this.table.sideBase(slot, side);
    if (words[at + SideField.Tap] !== packet.interfaceIndex) this.placed = true;
    words[at + SideField.Tap] = packet.interfaceIndex;
    let info = (packet.vlanTci < 0 ? TapInfo.NoVlan : packet.vlanTci) | (packet.direction << TapInfo.DirectionShift);
    if (packet.vlanTpid === SERVICE_TAG_TPID) info |= TapInfo.ServiceTag;
    if (packet.innerVlanTci >= 0) info |= TapInfo.InnerTag;
    if (packet.tunnelDepth > 0) info |= TapInfo.Tunnel;
    const outgoing = packet.direction === PacketDirection.Outgoing;
    if (outgoing && this.homes.kindOf(packet.interfaceIndex) === InterfaceKind.Pod) info |= TapInfo.AtReceiver;
    const ethernet = packet.ethernetOffset;
    if (ethernet < 0) {
      info |= TapInfo.NoLinkHeader;
    } else {
      const { bytes } = packet;
      for (let word = 0; word < 3; word++) {
        const byte = ethernet + word * 4;
        words[at + SideField.Macs + word] =
          (bytes[byte] << 24) | (bytes[byte + 1] << 16) | (bytes[byte + 2] << 8) | bytes[byte + 3];
      }
    }
    if (((words[at + SideField.TapInfo] ^ info) & (TapInfo.DirectionMask | TapInfo.Inherited)) !== 0) this.placed = true;
    words[at + SideField.TapInfo] = info;
  }

  private confirm(at: number, info: number): void {
    this.table.words[at + SideField.TapInfo] = info & ~CLEARED_AT_TAP;
    if ((info & TapInfo.Inherited) !== 0) this.placed = true;
  }

  private settle(packet: Packet, slot: number, side: number): number {
    this.record(packet, slot, side);
    return TapVerdict.Accept;
  }

  /** By the home of the sender alone. */
  private judgeHome(packet: Packet, home: number): number {
    const { homes } = this;
    const outgoing = packet.direction === PacketDirection.Outgoing;
    const homeIsPod = homes.kindOf(home) === InterfaceKind.Pod;
    if (packet.interfaceIndex === home) {
      if (!homeIsPod || !outgoing) return TapVerdict.Accept;
      // To the pod from itself, by a service address: only this copy carries the tuple.
      return homes.homeOf(packet.destination0, packet.destination1, packet.destination2, packet.destination3) === home
        ? TapVerdict.Accept
        : TapVerdict.Copy;
    }
    const kind = homes.kindOf(packet.interfaceIndex);
    if (!outgoing && kind === InterfaceKind.Pod) return TapVerdict.Spoofed;
    if (!outgoing && kind === InterfaceKind.Uplink && homeIsPod) return TapVerdict.Spoofed;
    return homeIsPod ? TapVerdict.Copy : TapVerdict.Accept;
  }

  /** True where the packet goes beyond what the side was seen to send or acknowledge. */
  private isAhead(packet: Packet, slot: number, side: number): boolean {
    const { table } = this;
    const at = table.sideBase(slot, side);
    const end = (packet.sequence + packet.payloadLength + packet.truncatedBytes) | 0;
    if (!table.hasFlag(slot, FlowFlag.Next0 << side) || after(end, table.words[at + SideField.Highest])) return true;
    return (
      table.hasFlag(slot, FlowFlag.Acked0 << side) &&
      after(packet.acknowledgement, table.words[at + SideField.Acknowledged])
    );
  }

  /** True where the packet continues what the tap showed. */
  private isWithin(packet: Packet, slot: number, side: number): boolean {
    const { table } = this;
    const edge = table.side(slot, side ^ 1, SideField.WindowEdge);
    return table.packets(slot, side ^ 1) === 0 || !after(packet.sequence, edge);
  }
}
