/**
 * What is known of the sequence numbers of both ends: from the flow record while there is one, else from packets.
 */
import { TcpFlag, add, distance, later } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { FlowFlag, SideField } from "../flow/mod.ts";
import type { FlowTable } from "../flow/mod.ts";
import type { End, Kill } from "./kill.ts";

/** Without a record: a number farther than this from the last one belongs to another connection. */
const MAX_JUMP = 1 << 22;

/** Takes over what the records of the connection say now. */
export function learnFromRecords(kill: Kill, table: FlowTable): void {
  learnSide(kill.client, table, kill.slot, 0);
  learnSide(kill.server, table, kill.slot, 1);
  learnSide(kill.client, table, kill.twin, kill.twinFlip);
  learnSide(kill.server, table, kill.twin, 1 - kill.twinFlip);
}

function learnSide(end: End, table: FlowTable, slot: number, side: number): void {
  if (slot < 0) return;
  const flags = table.flags(slot);
  if ((flags & (FlowFlag.Next0 << side)) !== 0) learnNext(end, table.next(slot, side));
  if ((flags & (FlowFlag.Acked0 << side)) !== 0) {
    learnAcknowledged(end, table.acknowledged(slot, side));
    const scaleKnown = ((table.side(slot, side, SideField.IpInfo) >> 8) & 0xff) !== 0;
    end.windowEdgeKnown = scaleKnown && (flags & FlowFlag.Sack) !== 0;
    end.windowEdge = table.side(slot, side, SideField.WindowEdge);
  }
  if ((flags & (FlowFlag.Isn0 << side)) !== 0) {
    end.isn = table.isn(slot, side);
    end.isnKnown = true;
  }
}

/** One past the last byte (SYN and FIN count one each) of the segment. */
export function endOf(packet: Packet): number {
  const length = packet.payloadLength + packet.truncatedBytes;
  const syn = (packet.flags & TcpFlag.Syn) !== 0 ? 1 : 0;
  const fin = (packet.flags & TcpFlag.Fin) !== 0 ? 1 : 0;
  return add(packet.sequence, length + syn + fin);
}

/** Without a record: false where the packet's numbers are another connection's. */
export function mayBelong(kill: Kill, from: End, packet: Packet): boolean {
  const to = kill.peerOf(from);
  if (from.nextKnown && Math.abs(distance(packet.sequence, from.next)) > MAX_JUMP) return false;
  return (packet.flags & TcpFlag.Ack) === 0 || !to.nextKnown || Math.abs(distance(packet.acknowledgement, to.next)) <= MAX_JUMP;
}

/** For a connection without a record: false where nothing is learnt, because the numbers are another connection's. */
export function learnFromPacket(kill: Kill, from: End, packet: Packet): boolean {
  if (!mayBelong(kill, from, packet)) return false;
  const to = kill.peerOf(from);
  learnNext(from, endOf(packet));
  if ((packet.flags & TcpFlag.Ack) !== 0) {
    learnAcknowledged(from, packet.acknowledgement);
    learnNext(to, packet.acknowledgement);
  }
  return true;
}

function learnNext(end: End, next: number): void {
  end.next = end.nextKnown ? later(end.next, next) : next;
  end.nextKnown = true;
}

function learnAcknowledged(end: End, acknowledged: number): void {
  end.acknowledged = end.acknowledgedKnown ? later(end.acknowledged, acknowledged) : acknowledged;
  end.acknowledgedKnown = true;
}
