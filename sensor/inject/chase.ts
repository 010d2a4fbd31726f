/**
 * The chase: exact RSTs to both ends, and again on every further packet of the connection, until both are dead or
 * the budget is spent. Each packet that an end still sends tells the number that it, or its peer, expects next.
 */
import { TcpFlag, after } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import type { Forge } from "./forge.ts";
import { NumberSource } from "./kill.ts";
import type { End, Kill } from "./kill.ts";
import { endOf } from "./numbers.ts";

export class Chase {
  readonly #forge: Forge;
  readonly #sackEdgeAfterRsts: number;

  constructor(forge: Forge, sackEdgeAfterRsts: number) {
    this.#forge = forge;
    this.#sackEdgeAfterRsts = sackEdgeAfterRsts;
  }

  /** The first volley: to the quiet end first, whose number stands still and is exact, then to the other. */
  open(kill: Kill, nowMs: number): void {
    const quiet = kill.end(kill.quietSide);
    this.fire(kill, quiet, nowMs);
    this.fire(kill, kill.peerOf(quiet), nowMs);
  }

  /** Every number that `end` may expect, as far as is known now. */
  fire(kill: Kill, end: End, nowMs: number): void {
    const peer = kill.peerOf(end);
    if (isConnecting(kill, end)) {
      this.#forge.refusal(kill, nowMs);
      return;
    }
    if (isReplacedAt(kill, end)) return;
    if (this.#outruns(kill, end)) {
      this.#forge.edgeRst(kill, end, nowMs);
      return;
    }
    if (peer.nextKnown) this.#forge.rst(kill, end, peer.next, NumberSource.PeerNext, nowMs);
    if (end.acknowledgedKnown) this.#forge.rst(kill, end, end.acknowledged, NumberSource.Acknowledged, nowMs);
  }

  /** A packet that `from` sent; the numbers of both ends are up to date with it. Never called for a RST. */
  onPacket(kill: Kill, from: End, packet: Packet, nowMs: number): void {
    const to = kill.peerOf(from);
    if (isConnecting(kill, from)) {
      this.#forge.refusal(kill, nowMs);
    } else if (this.#outruns(kill, from)) {
      this.#forge.edgeRst(kill, from, nowMs);
    } else if (!isReplacedAt(kill, from)) {
      if ((packet.flags & TcpFlag.Ack) !== 0) this.#forge.rst(kill, from, packet.acknowledgement, NumberSource.Acknowledged, nowMs);
      if (to.nextKnown) this.#forge.rst(kill, from, to.next, NumberSource.PeerNext, nowMs);
    }
    this.#fireAtReceiver(kill, from, to, packet, nowMs);
  }

  /** Exact numbers have come too late for this end again and again, and the edge of its window is known. */
  #outruns(kill: Kill, end: End): boolean {
    return end.rsts >= this.#sackEdgeAfterRsts && end.windowEdgeKnown && kill.peerOf(end).acknowledgedKnown && !isReplacedAt(kill, end) && (end.rsts & 1) === 0;
  }

  #fireAtReceiver(kill: Kill, from: End, to: End, packet: Packet, nowMs: number): void {
    if (isConnecting(kill, to)) {
      this.#forge.refusal(kill, nowMs);
      return;
    }
    if (isReplacedAt(kill, to) || !from.nextKnown) return;
    if (this.#outruns(kill, to)) {
      this.#forge.edgeRst(kill, to, nowMs);
      return;
    }
    const end = endOf(packet);
    const carries = end !== packet.sequence;
    const told = (to.fired & (1 << NumberSource.PeerNext)) !== 0 && to.lastNumber[NumberSource.PeerNext] === from.next;
    if (carries || !told) this.#forge.rst(kill, to, from.next, NumberSource.PeerNext, nowMs);
    if (carries && after(end, from.next)) this.#forge.rst(kill, to, end, NumberSource.SackEdge, nowMs);
  }
}

/** A client whose connection is refused and who was not seen to have connected: it takes RST|ACK only. */
function isConnecting(kill: Kill, end: End): boolean {
  return kill.refuse && !kill.established && end === kill.client;
}

/** The end opens another connection on this tuple: its old socket is gone, and the new one is innocent. */
function isReplacedAt(kill: Kill, end: End): boolean {
  return kill.reopenedSide === end.side;
}
