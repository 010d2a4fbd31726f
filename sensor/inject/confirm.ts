/**
 * Proof. When both sides have fallen quiet each end is asked by a keep-alive probe: a live one answers with an ACK
 * (and is chased again with the numbers in it), a dead one with a RST. Accepted as death:
 *  - a RST whose sequence is the ACK number of our probe, or the RST|ACK that answers our SYN;
 *  - its own RST with its exact next number, or with the number that its peer acknowledged last: what a socket sends
 *    when it is aborted, and what a kernel sends for a socket that is gone;
 * each only from the end's own interface where it has one, since anybody can send in its name elsewhere. A FIN is no
 * death: a socket that has closed its half still receives. Silence proves nothing.
 */
import { TcpFlag, after, before } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import type { Forge } from "./forge.ts";
import type { End, Kill } from "./kill.ts";
import { PROBE_PAUSES_MS } from "./limits.ts";
import type { InjectLimits } from "./limits.ts";
import { Outcome, OutcomeReason, Proof } from "./outcome.ts";

/** A flow that never falls quiet is asked all the same, so much later than a quiet one. */
const RESTLESS_MS = 100;

/** No outcome yet. */
export const UNDECIDED = -1;

export class Confirm {
  readonly #forge: Forge;
  readonly #limits: InjectLimits;
  /** Reason that goes with the last outcome of `judge()`. */
  reason: number = OutcomeReason.Silent;

  constructor(forge: Forge, limits: InjectLimits) {
    this.#forge = forge;
    this.#limits = limits;
  }

  /** When the next probe is due if nothing else happens. */
  probeDueMs(kill: Kill): number {
    const last = PROBE_PAUSES_MS.length - 1;
    const pauseMs = kill.probeRound === 0 ? this.#limits.quietMs : PROBE_PAUSES_MS[Math.min(kill.probeRound, last)];
    return Math.min(Math.max(kill.probedMs, kill.lastPacketMs) + pauseMs, kill.probedMs + pauseMs + RESTLESS_MS);
  }

  /** Asks every end that is not proved dead. */
  probe(kill: Kill, nowMs: number): void {
    kill.probeRound++;
    kill.probedMs = nowMs;
    if (kill.client.targeted && !kill.client.dead) this.#forge.probe(kill, kill.client, nowMs);
    if (kill.server.targeted && !kill.server.dead) this.#forge.probe(kill, kill.server, nowMs);
  }

  /** A RST that `from` sent; true where it proves `from` dead. `atTap`: seen at the interface whose copy counts. */
  onRst(kill: Kill, from: End, packet: Packet, atTap: boolean): boolean {
    if (from.dead) return false;
    if (from.nearInterface !== 0 ? packet.interfaceIndex !== from.nearInterface : !atTap) return false;
    const proof = this.#proofIn(kill, from, packet);
    if (proof === Proof.None) return false;
    from.prove(proof, packet.timestampMs);
    return true;
  }

  #proofIn(kill: Kill, from: End, packet: Packet): number {
    const peer = kill.peerOf(from);
    const { sequence } = packet;
    if (from.asked && (packet.flags & TcpFlag.Ack) !== 0 && packet.acknowledgement === ((from.askedSequence + 1) | 0)) return Proof.RstInAnswerToSyn;
    if (from.probed && sequence === from.probeAcknowledgement) return Proof.RstInAnswerToProbe;
    if (from.nextKnown && sequence === from.next) return Proof.OwnRst;
    if (peer.acknowledgedKnown && sequence === peer.acknowledged) return Proof.OwnRst;
    // A near end answers each late ACK of its peer with that ACK's number: older ones are under way too.
    const near = from.nearInterface !== 0 && from.rsts > 0;
    if (near && from.nextKnown && peer.acknowledgedBeforeKnown
      && !before(sequence, peer.acknowledgedBefore) && !after(sequence, from.next)) return Proof.OwnRst;
    return Proof.None;
  }

  /** Any packet of `from` that is no RST. */
  onHeard(from: End, packet: Packet): void {
    if (packet.timestampMs > from.lastHeardMs) from.lastHeardMs = packet.timestampMs;
    if (from.dead || from.rsts === 0 || packet.timestampMs < from.firstRstMs + this.#limits.lateMs) return;
    from.proof = packet.payloadLength > 0 ? Proof.SentData : packet.timestampMs - from.lastProbeMs < this.#limits.lateMs ? Proof.AnsweredProbe : Proof.SentAck;
    from.provenMs = packet.timestampMs;
  }

  /** True where a packet of an end that was proved dead shows that it was not. */
  movedAgain(from: End): boolean {
    return from.targeted && from.dead && from.lastHeardMs > Math.max(from.provenMs, from.lastRstMs) + this.#limits.lateMs;
  }

  /** The outcome where it is clear, else UNDECIDED; at the end of the confirm phase it always is. */
  judge(kill: Kill, nowMs: number): number {
    const { client, server } = kill;
    if (kill.refuse && client.dead && !server.dead && !server.isnKnown && nowMs >= kill.startedMs + this.#limits.serverAnswerMs) {
      server.prove(Proof.NeverAnswered, nowMs);
    }
    if (isSettled(client) && isSettled(server)) {
      this.reason = kill.rsts === 0 && !kill.refuse ? OutcomeReason.AlreadyDead
        : kill.established ? OutcomeReason.CutAfterEstablished : OutcomeReason.RefusedBeforeEstablished;
      return Outcome.Confirmed;
    }
    if ((isSettled(client) || client.unreachable) && (isSettled(server) || server.unreachable)) {
      this.reason = OutcomeReason.NoRoute;
      return Outcome.Failed;
    }
    this.reason = OutcomeReason.LivesOn;
    if (this.#outlivedBudget(kill, client) || this.#outlivedBudget(kill, server)) return Outcome.Evaded;
    if (nowMs < kill.verdictMs) return UNDECIDED;
    if (this.#stillHeard(client, nowMs) || this.#stillHeard(server, nowMs)) return Outcome.Evaded;
    this.reason = OutcomeReason.Silent;
    return Outcome.Unconfirmed;
  }

  #outlivedBudget(kill: Kill, end: End): boolean {
    return !isSettled(end) && this.#forge.spent(kill, end) && end.lastHeardMs > end.lastRstMs + this.#limits.lateMs;
  }

  /** Late packets have all arrived, and a live end answers a probe twice in this time. */
  #stillHeard(end: End, nowMs: number): boolean {
    return !isSettled(end) && end.rsts > 0 && end.lastHeardMs > end.firstRstMs + this.#limits.lateMs && end.lastHeardMs > nowMs - 2 * this.#limits.challengeGateMs;
  }
}

/** Nothing is left to do for this end. */
export function isSettled(end: End): boolean {
  return !end.targeted || end.dead;
}
