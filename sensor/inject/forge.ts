/**
 * Writes forged packets into the outbox: RST, RST|ACK, keep-alive probe and SYN, without options, with right
 * checksums and the keyed mark, each by the way to its end. Budgets and pauses are kept here, so that nobody can
 * forget them.
 */
import { TcpFlag, buildSegment } from "../decode/mod.ts";
import type { InjectCounters } from "./counters.ts";
import type { Delivery, End, Kill } from "./kill.ts";
import { NumberSource } from "./kill.ts";
import { SAME_NUMBER_PAUSE_MS, pauseBetweenRstsMs } from "./limits.ts";
import { flowLabelOf, identificationOf, windowOf } from "./mark.ts";
import type { Mark } from "./mark.ts";
import { SLOT_BYTES } from "./outbox.ts";
import type { Outbox } from "./outbox.ts";

const ONE_BYTE = new Uint8Array(1);

const RST_ACK = TcpFlag.Rst | TcpFlag.Ack;

/** RSTs that one end cannot take from the other's share of the budget. */
const RESERVED_RSTS = 8;

/** Own numbers remembered, to tell our RSTs from another sensor's; a power of two. */
const REMEMBERED = 4_096;

export class Forge {
  readonly #outbox: Outbox;
  readonly #mark: Mark;
  readonly #counters: InjectCounters;
  /** For each place in the outbox: kill index << 1 | side, and the kill's serial. */
  readonly #owner: Int32Array;
  readonly #serial: Int32Array;
  readonly #sent = new Int32Array(REMEMBERED);

  constructor(outbox: Outbox, mark: Mark, counters: InjectCounters) {
    this.#outbox = outbox;
    this.#mark = mark;
    this.#counters = counters;
    this.#owner = new Int32Array(outbox.capacity);
    this.#serial = new Int32Array(outbox.capacity);
  }

  /**
   * A RST to `end` with that number. One of the same source that has not left yet is replaced by it: a sensor that
   * lags behind spends one RST a batch, with the freshest number, instead of one for each packet of the past.
   */
  rst(kill: Kill, end: End, sequence: number, source: number, nowMs: number): void {
    if (end.dead || !end.targeted || end.unreachable) return;
    const bit = 1 << source;
    if ((end.fired & bit) !== 0 && end.pendingEpoch[source] === this.#outbox.epoch) {
      if (end.lastNumber[source] !== sequence) this.#rewrite(end, sequence, source);
      return;
    }
    if (this.#firedLately(end, sequence, nowMs)) return;
    if (this.spent(kill, end)) return;
    const earliestMs = Math.max(kill.silentUntilMs, end.lastRstMs + pauseBetweenRstsMs(end.rsts));
    if (nowMs < earliestMs) {
      end.deferredMs = Math.min(end.deferredMs, earliestMs);
      return;
    }
    const place = this.#write(kill, end, sequence, 0, TcpFlag.Rst);
    if (place < 0) return;
    end.fired |= bit;
    end.pending[source] = place;
    end.pendingEpoch[source] = this.#outbox.epoch;
    end.lastNumber[source] = sequence;
    end.lastNumberMs[source] = nowMs;
    this.#countRst(kill, end, nowMs);
  }

  /**
   * One byte just below the edge of the end's receive window, and a RST behind it: Linux takes the right edge of the
   * right-most SACK block for exact (tcp_reset_check), wherever its next number is meanwhile.
   */
  edgeRst(kill: Kill, end: End, nowMs: number): void {
    const peer = kill.peerOf(end);
    const source = NumberSource.WindowEdge;
    if (end.dead || !end.targeted || end.unreachable || this.spent(kill, end)) return;
    if ((end.fired & (1 << source)) !== 0 && end.pendingEpoch[source] === this.#outbox.epoch) return;
    const earliestMs = Math.max(kill.silentUntilMs, end.lastRstMs + pauseBetweenRstsMs(end.rsts));
    if (nowMs < earliestMs) {
      end.deferredMs = Math.min(end.deferredMs, earliestMs);
      return;
    }
    const { spec } = end.delivery;
    const none = spec.payload;
    spec.payload = ONE_BYTE;
    const byte = this.#write(kill, end, (end.windowEdge - 1) | 0, peer.acknowledged, TcpFlag.Ack);
    spec.payload = none;
    if (byte < 0) return;
    const place = this.#write(kill, end, end.windowEdge, 0, TcpFlag.Rst);
    if (place < 0) return;
    end.fired |= 1 << source;
    end.pendingEpoch[source] = this.#outbox.epoch;
    end.lastNumber[source] = end.windowEdge;
    end.lastNumberMs[source] = nowMs;
    this.#counters.edgeRsts++;
    this.#countRst(kill, end, nowMs);
  }

  /**
   * RST|ACK to the client: with the server's next number it also resets a client that has connected meanwhile, so
   * one packet serves both sides of that race.
   */
  refusal(kill: Kill, nowMs: number): void {
    const { client, server } = kill;
    if (client.dead || !client.targeted || client.unreachable || this.spent(kill, client)) return;
    const sequence = server.nextKnown ? server.next : 0;
    if (this.#firedLately(client, sequence, nowMs)) return;
    const place = this.#write(kill, client, sequence, (client.isn + 1) | 0, RST_ACK);
    if (place < 0) return;
    client.fired |= 1 << NumberSource.Refusal;
    client.lastNumber[NumberSource.Refusal] = sequence;
    client.lastNumberMs[NumberSource.Refusal] = nowMs;
    this.#countRst(kill, client, nowMs);
  }

  /** RST|ACK to a SYN with another number on the tuple of `kill`. */
  refuseSyn(kill: Kill, isn: number): void {
    if (this.#write(kill, kill.client, 0, (isn + 1) | 0, RST_ACK) >= 0) this.#counters.rsts++;
  }

  /**
   * A bare ACK one byte below what the end expects (RFC 1122 section 4.2.3.6): a live end answers with an ACK that
   * carries both exact numbers, a dead one with a RST whose sequence is the ACK number.
   */
  probe(kill: Kill, end: End, nowMs: number): void {
    const peer = kill.peerOf(end);
    if (end.unreachable || (!end.nextKnown && !peer.acknowledgedKnown)) return;
    const next = end.nextKnown ? end.next : peer.acknowledged;
    // A dead end's RST goes on to its peer with this number: exact, unless the peer is to be spared.
    const acknowledgement = peer.targeted ? next : (next - 1) | 0;
    const expects = end.acknowledgedKnown ? end.acknowledged : peer.nextKnown ? peer.next : this.#mark.unguessable(acknowledgement, kill.index, kill.serial);
    if (this.#write(kill, end, (expects - 1) | 0, acknowledgement, TcpFlag.Ack) < 0) return;
    end.probeAcknowledgement = acknowledgement;
    end.probed = true;
    this.#countProbe(kill, end, nowMs);
  }

  /** The SYN oracle: any live end answers a SYN on its own tuple with a challenge ACK (RFC 5961 section 4.2). */
  ask(kill: Kill, end: End, nowMs: number): void {
    if (end.unreachable) return;
    end.askedSequence = this.#mark.unguessable(kill.serial, (kill.clientPort << 16) | kill.serverPort, (end.probes << 1) | end.side);
    if (this.#write(kill, end, end.askedSequence, 0, TcpFlag.Syn) < 0) return;
    end.asked = true;
    this.#countProbe(kill, end, nowMs);
  }

  /** The embryonic connection that the oracle's own SYN opened at a listener is reset at once. */
  undoAsk(kill: Kill, end: End): void {
    this.#write(kill, end, (end.askedSequence + 1) | 0, 0, TcpFlag.Rst);
  }

  /** One more exact RST by the raw way, so that the conntrack entry of two near ends is closed too. */
  closeEntry(kill: Kill, end: End, sequence: number): void {
    if (this.#put(kill, end, end.fallback, sequence, 0, TcpFlag.Rst) >= 0) this.#counters.entriesClosed++;
  }

  /** Turns to the fallback after a send that the kernel refused; without one the end is unreachable. */
  takeOtherWay(end: End): void {
    if (!end.hasFallback) {
      end.unreachable = true;
      return;
    }
    end.hasFallback = false;
    const { delivery } = end;
    end.delivery = end.fallback;
    end.fallback = delivery;
    end.mustSendAgain = true;
  }

  /** True where the end's share of the budget is gone. */
  spent(kill: Kill, end: End): boolean {
    if (kill.rsts >= kill.rstBudget) return true;
    const peer = kill.peerOf(end);
    const reserved = peer.targeted && !peer.dead ? Math.min(RESERVED_RSTS, kill.rstBudget >> 1) : 0;
    return end.rsts >= kill.rstBudget - reserved;
  }

  /** False for the number of a marked RST that another sensor sent. */
  isRemembered(sequence: number): boolean {
    return this.#sent[placeOf(sequence)] === sequence;
  }

  /** Kill index << 1 | side of whom the packet at this place was for; its kill's serial. */
  ownerAt(place: number): number {
    return this.#owner[place];
  }

  serialAt(place: number): number {
    return this.#serial[place];
  }

  #firedLately(end: End, sequence: number, nowMs: number): boolean {
    for (let source = 0; source < end.lastNumber.length; source++) {
      if ((end.fired & (1 << source)) !== 0 && end.lastNumber[source] === sequence && nowMs - end.lastNumberMs[source] < SAME_NUMBER_PAUSE_MS) return true;
    }
    return false;
  }

  #countRst(kill: Kill, end: End, nowMs: number): void {
    if (end.rsts++ === 0) end.firstRstMs = nowMs;
    end.lastRstMs = nowMs;
    end.deferredMs = Infinity;
    if (kill.rsts++ === 0) kill.firstRstMs = nowMs;
    this.#counters.rsts++;
  }

  #countProbe(kill: Kill, end: End, nowMs: number): void {
    end.probes++;
    end.lastProbeMs = nowMs;
    kill.probes++;
    this.#counters.probes++;
  }

  #rewrite(end: End, sequence: number, source: number): void {
    const place = end.pending[source];
    this.#fill(end.delivery, sequence, 0, TcpFlag.Rst);
    this.#outbox.length[place] = buildSegment(this.#outbox.bytes, place * SLOT_BYTES, end.delivery.spec);
    this.#sent[placeOf(sequence)] = sequence;
    end.lastNumber[source] = sequence;
    this.#counters.superseded++;
  }

  #write(kill: Kill, end: End, sequence: number, acknowledgement: number, flags: number): number {
    return this.#put(kill, end, end.delivery, sequence, acknowledgement, flags);
  }

  #put(kill: Kill, end: End, delivery: Delivery, sequence: number, acknowledgement: number, flags: number): number {
    const outbox = this.#outbox;
    const place = outbox.reserve();
    if (place < 0) return -1;
    this.#fill(delivery, sequence, acknowledgement, flags);
    outbox.length[place] = buildSegment(outbox.bytes, place * SLOT_BYTES, delivery.spec);
    outbox.route[place] = delivery.route;
    outbox.interfaceIndex[place] = delivery.interfaceIndex;
    outbox.error[place] = 0;
    this.#owner[place] = (kill.index << 1) | end.side;
    this.#serial[place] = kill.serial;
    if ((flags & TcpFlag.Rst) !== 0) this.#sent[placeOf(sequence)] = sequence;
    return place;
  }

  #fill(delivery: Delivery, sequence: number, acknowledgement: number, flags: number): void {
    const spec = delivery.spec;
    const mark = this.#mark.of(sequence, acknowledgement, flags);
    spec.sequence = sequence;
    spec.acknowledgement = acknowledgement;
    spec.flags = flags;
    spec.window = windowOf(mark);
    spec.ipId = identificationOf(mark);
    spec.flowLabel = flowLabelOf(mark);
  }
}

function placeOf(sequence: number): number {
  return (Math.imul(sequence, 0x9e3779b1) >>> 20) & (REMEMBERED - 1);
}
