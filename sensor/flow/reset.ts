/**
 * Which RST its receiver obeys (RFC 9293 section 3.10.7.4, RFC 5961 section 3.2, net/ipv4/tcp_input.c
 * tcp_validate_incoming and tcp_reset_check; measured on Linux 6.18).
 */

import * as decode from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import * as record from "./record.ts";
import type { FlowTable } from "./table.ts";

// V8 folds a module's own constants into the code; imported ones it loads and checks at every use.
const { TcpFlag, add, after } = decode;
const { FlowFlag, FlowState, SideField } = record;

/** True where the RST that `side` sent ends the connection at the other side. */
export function isExactReset(table: FlowTable, packet: Packet, slot: number, side: number): boolean {
  const peer = side ^ 1;
  const state = table.state(slot);
  const sequence = packet.sequence;
  // A connecting client knows no sequence number of its peer yet: the RST must acknowledge its SYN.
  if (side === 1 && (state === FlowState.SynSent || state === FlowState.SynReceived)) {
    if ((packet.flags & TcpFlag.Ack) !== 0 && packet.acknowledgement === add(table.isn(slot, 0), 1)) return true;
    if (state === FlowState.SynSent) return false;
  }
  if (!table.hasFlag(slot, FlowFlag.Next0 << side)) return false;
  const next = table.next(slot, side);
  if (sequence === next) return true;
  if (table.hasFlag(slot, FlowFlag.Fin0 << side) && sequence === add(next, -1)) return true;
  // The receiver acknowledged more than was seen sent: its RCV.NXT is there.
  if (table.hasFlag(slot, FlowFlag.Acked0 << peer)) {
    const acknowledged = table.acknowledged(slot, peer);
    if (sequence === acknowledged && after(acknowledged, next)) return true;
  }
  // Bytes wait behind a hole: the right edge of the receiver's right-most SACK block.
  const waiting = table.side(slot, side, SideField.Reassembly) >= 0;
  return waiting && sequence === table.highest(slot, side) && table.hasFlag(slot, FlowFlag.Sack);
}
