/**
 * The life of one kill: Waiting (another sensor acts first), Chasing (RSTs and probes until the outcome is clear),
 * Watching (Confirmed, and no sign of life may follow).
 *
 *   start -> Waiting -> Chasing -> Watching -> over        outcome told at the end of Chasing,
 *                 \         \                              taken back from Watching if the connection moves
 *                  `---------`-> over
 */
import { TcpFlag } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { FlowEvent } from "../flow/mod.ts";
import type { FlowTable } from "../flow/mod.ts";
import type { Chase } from "./chase.ts";
import { UNDECIDED, isSettled } from "./confirm.ts";
import type { Confirm } from "./confirm.ts";
import type { InjectCounters } from "./counters.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Forge } from "./forge.ts";
import { KillPhase } from "./kill.ts";
import type { End, Kill } from "./kill.ts";
import type { KillPool } from "./killPool.ts";
import type { InjectLimits } from "./limits.ts";
import { learnFromPacket, learnFromRecords } from "./numbers.ts";
import { Route } from "./outbox.ts";
import { Outcome, OutcomeReason, OutcomeRecord, Proof } from "./outcome.ts";
import { countBytes, summarise } from "./summary.ts";

const SEND_AGAIN_MS = 1;

/** Packets captured so long before the clock was read last are a backlog. */
const BACKLOG_MS = 0.3;

/** The challenge ACK gate of the last question is over. */
const GATE_MARGIN_MS = 10;

export interface EngineParts {
  readonly table: FlowTable;
  readonly limits: InjectLimits;
  readonly pool: KillPool;
  readonly deadlines: Deadlines;
  readonly forge: Forge;
  readonly chase: Chase;
  readonly confirm: Confirm;
  readonly counters: InjectCounters;
  readonly onOutcome: (record: OutcomeRecord) => void;
}

export class Engine {
  /** What the clock showed last. */
  clockMs = -Infinity;
  readonly #parts: EngineParts;
  readonly #record = new OutcomeRecord();

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /** Ends the waiting: RSTs to both ends, or questions where their numbers are unknown. */
  begin(kill: Kill, nowMs: number): void {
    kill.phase = KillPhase.Chasing;
    kill.verdictMs = nowMs + this.#parts.limits.confirmMs;
    kill.probedMs = nowMs;
    // Where another sensor has fired, a probe finds out what is left to do.
    if (!kill.othersActed) this.#parts.chase.open(kill, nowMs);
    if (kill.mayAsk) kill.askDueMs = knowsNothing(kill) ? nowMs : nowMs + this.#parts.limits.challengeGateMs + GATE_MARGIN_MS;
    this.step(kill, nowMs);
  }

  /** Does what is due and sets the next deadline. */
  step(kill: Kill, nowMs: number): void {
    if (kill.phase === KillPhase.Waiting) {
      if (nowMs >= Math.max(kill.verdictMs, kill.silentUntilMs)) this.begin(kill, nowMs);
      else this.#parts.deadlines.set(kill.index, Math.max(kill.verdictMs, kill.silentUntilMs));
      return;
    }
    if (kill.phase === KillPhase.Watching) {
      if (nowMs >= kill.verdictMs) this.#release(kill);
      else this.#parts.deadlines.set(kill.index, kill.verdictMs);
      return;
    }
    this.#fireDeferred(kill, kill.client, nowMs);
    this.#fireDeferred(kill, kill.server, nowMs);
    if (nowMs >= kill.askDueMs) this.#ask(kill, nowMs);
    if (nowMs >= this.#parts.confirm.probeDueMs(kill)) this.#parts.confirm.probe(kill, nowMs);
    if (!this.#judge(kill, nowMs)) this.#schedule(kill);
  }

  /** A packet of the connection that `from` sent. `atTap`: at the interface whose copy counts. */
  onPacket(kill: Kill, from: End, packet: Packet, atTap: boolean, nowMs: number): void {
    if ((packet.flags & TcpFlag.Rst) !== 0) {
      // Never answered: a RST for a RST could go on for ever.
      if (kill.phase !== KillPhase.Watching && this.#parts.confirm.onRst(kill, from, packet, atTap)) this.step(kill, nowMs);
      return;
    }
    if ((packet.flags & TcpFlag.Syn) !== 0 && this.#onSyn(kill, from, packet, nowMs)) return;
    if (kill.reopenedSide >= 0 && this.#mayBeNew(kill, from, packet)) return;
    if (kill.slot >= 0) learnFromRecords(kill, this.#parts.table);
    else if (!learnFromPacket(kill, from, packet)) return;
    if (!kill.established) this.#watchHandshake(kill, from, packet);
    this.#parts.confirm.onHeard(from, packet);
    if (kill.phase === KillPhase.Watching) {
      if (this.#parts.confirm.movedAgain(from)) this.#correct(kill, from, packet, nowMs);
      return;
    }
    kill.lastPacketMs = nowMs;
    if (kill.phase === KillPhase.Waiting) return;
    const before = kill.rsts;
    if (packet.timestampMs < this.clockMs - BACKLOG_MS) {
      kill.client.deferredMs = kill.server.deferredMs = nowMs;
    } else {
      this.#parts.chase.onPacket(kill, from, packet, nowMs);
    }
    // A RST with fresh numbers: it is soon time to ask again.
    if (kill.rsts !== before) kill.probeRound = 0;
    if (!this.#judge(kill, nowMs)) this.#schedule(kill);
  }

  /**
   * The flow room gave the tuple of a kill without a record to a new connection. True where this packet may still
   * tell of the old one.
   */
  onNewConnection(kill: Kill, event: number, nowMs: number): boolean {
    // One SYN alone can be forged, and the server's old socket answers it with its numbers.
    if ((event & FlowEvent.SynSeen) !== 0) return true;
    if ((event & FlowEvent.SynAckSeen) !== 0) {
      this.replaced(kill, nowMs);
      return false;
    }
    if (!kill.mayAsk || kill.phase === KillPhase.Watching) {
      this.abandon(kill, Outcome.Unconfirmed, OutcomeReason.NumbersLost, nowMs);
      return false;
    }
    // A FlowReset means whoever has the tuple now.
    kill.client.forgetNumbers();
    kill.server.forgetNumbers();
    return true;
  }

  /** The tuple belongs to a new connection: both old sockets are gone, and nothing more is sent. */
  replaced(kill: Kill, nowMs: number): void {
    if (kill.phase === KillPhase.Watching) {
      this.#release(kill);
      return;
    }
    kill.client.prove(Proof.Replaced, nowMs);
    kill.server.prove(Proof.Replaced, nowMs);
    kill.reopenedSide = kill.reopenedSide < 0 ? 0 : kill.reopenedSide;
    this.#judge(kill, nowMs);
    if (kill.phase !== KillPhase.Free) this.#release(kill);
  }

  /** Ends a kill without more ado: the emergency stop, or no room to go on. */
  abandon(kill: Kill, outcome: number, reason: number, nowMs: number): void {
    if (kill.phase !== KillPhase.Watching) this.tell(kill, outcome, reason, nowMs);
    this.#release(kill);
  }

  /** What the kernel refused leaves once more, a moment later. */
  sendAgain(kill: Kill, nowMs: number): void {
    if (kill.phase !== KillPhase.Chasing) return;
    // A socket buffer that is full stays so for a moment.
    kill.client.sendAgainAt(nowMs + SEND_AGAIN_MS);
    kill.server.sendAgainAt(nowMs + SEND_AGAIN_MS);
    if (!this.#judge(kill, nowMs)) this.#schedule(kill);
  }

  /** The record of the connection goes; the kill goes on by the tuple if there is room. */
  onEvict(kill: Kill, slot: number): void {
    countBytes(kill, this.#parts.table);
    if (this.#parts.pool.detach(kill, slot)) return;
    this.abandon(kill, Outcome.Unconfirmed, OutcomeReason.Silent, kill.lastPacketMs);
  }

  /** Reports a request that came to nothing. */
  fail(kill: Kill, reason: number, nowMs: number): void {
    this.tell(kill, Outcome.Failed, reason, nowMs);
    this.#release(kill);
  }

  /** Tells the outcome, and a second time for a request that joined. */
  tell(kill: Kill, outcome: number, reason: number, nowMs: number): void {
    countBytes(kill, this.#parts.table);
    summarise(kill, outcome, reason, nowMs, this.#record);
    this.#parts.counters.outcomes[outcome]++;
    this.#parts.onOutcome(this.#record);
    if (kill.joinedOrigin < 0 || kill.joinedOrigin === kill.origin) return;
    this.#record.joined = true;
    this.#record.origin = kill.joinedOrigin;
    this.#parts.onOutcome(this.#record);
  }

  /** A request for a connection that was found dead a moment ago. */
  tellJoined(kill: Kill, origin: number, nowMs: number): void {
    if (origin < 0) return;
    summarise(kill, Outcome.Confirmed, OutcomeReason.AlreadyDead, nowMs, this.#record);
    this.#record.joined = true;
    this.#record.origin = origin;
    this.#parts.onOutcome(this.#record);
  }

  isSettled(kill: Kill): boolean {
    return isSettled(kill.client) && isSettled(kill.server);
  }

  #fireDeferred(kill: Kill, end: End, nowMs: number): void {
    if (nowMs < end.deferredMs) return;
    end.deferredMs = Infinity;
    this.#parts.chase.fire(kill, end, nowMs);
  }

  #ask(kill: Kill, nowMs: number): void {
    const { client, server } = kill;
    if (client.targeted && !client.dead) this.#parts.forge.ask(kill, client, nowMs);
    if (server.targeted && !server.dead) this.#parts.forge.ask(kill, server, nowMs);
    kill.askDueMs = nowMs + this.#parts.limits.challengeGateMs + GATE_MARGIN_MS;
  }

  /** True where the SYN tells nothing of the old connection. */
  #onSyn(kill: Kill, from: End, packet: Packet, nowMs: number): boolean {
    if ((packet.flags & TcpFlag.Ack) === 0) {
      if (from.isnKnown && packet.sequence === from.isn) return false;
      kill.reopenedSide = from.side;
      kill.reopenedIsn = packet.sequence;
      return true;
    }
    const peer = kill.peerOf(from);
    if (from.asked && packet.acknowledgement === ((from.askedSequence + 1) | 0)) {
      this.#parts.forge.undoAsk(kill, from);
      from.prove(Proof.SynAckInAnswerToSyn, packet.timestampMs);
      this.step(kill, nowMs);
      return true;
    }
    if (kill.reopenedSide === peer.side && packet.acknowledgement === ((kill.reopenedIsn + 1) | 0)) {
      this.replaced(kill, nowMs);
      return true;
    }
    return peer.isnKnown && packet.acknowledgement !== ((peer.isn + 1) | 0);
  }

  /** After a SYN with another number only a packet that plainly belongs to the old connection counts. */
  #mayBeNew(kill: Kill, from: End, packet: Packet): boolean {
    if (from.side === kill.reopenedSide) return true;
    const old = kill.peerOf(from);
    return !old.nextKnown || packet.acknowledgement !== old.next;
  }

  #watchHandshake(kill: Kill, from: End, packet: Packet): void {
    if (from !== kill.client || (packet.flags & TcpFlag.Ack) === 0 || !kill.server.isnKnown) return;
    if (packet.acknowledgement !== kill.server.isn) kill.established = true;
  }

  #correct(kill: Kill, from: End, packet: Packet, nowMs: number): void {
    from.proof = packet.payloadLength > 0 ? Proof.SentData : Proof.SentAck;
    from.provenMs = packet.timestampMs;
    this.tell(kill, Outcome.Evaded, OutcomeReason.MovedAfterConfirmed, nowMs);
    this.#release(kill);
  }

  /** True where the outcome is clear: it was told. */
  #judge(kill: Kill, nowMs: number): boolean {
    const outcome = this.#parts.confirm.judge(kill, nowMs);
    if (outcome === UNDECIDED) return false;
    this.tell(kill, outcome, this.#parts.confirm.reason, nowMs);
    if (outcome !== Outcome.Confirmed || kill.reopenedSide >= 0) {
      this.#release(kill);
      return true;
    }
    this.#closeEntries(kill);
    kill.phase = KillPhase.Watching;
    kill.verdictMs = nowMs + this.#parts.limits.watchMs;
    this.#parts.deadlines.set(kill.index, kill.verdictMs);
    return true;
  }

  /** Frames pass no conntrack: an entry left ESTABLISHED would stay for days. */
  #closeEntries(kill: Kill): void {
    const { client, server } = kill;
    if (kill.rsts === 0 || !client.dead || !server.dead) return;
    if (client.delivery.route !== Route.Frame || server.delivery.route !== Route.Frame) return;
    if (client.hasFallback && client.acknowledgedKnown) this.#parts.forge.closeEntry(kill, client, client.acknowledged);
    if (server.hasFallback && server.acknowledgedKnown) this.#parts.forge.closeEntry(kill, server, server.acknowledged);
  }

  #schedule(kill: Kill): void {
    const { limits, confirm, deadlines } = this.#parts;
    let dueMs = Math.min(kill.verdictMs, confirm.probeDueMs(kill), kill.askDueMs, kill.client.deferredMs, kill.server.deferredMs);
    if (kill.refuse && kill.client.dead && !kill.server.isnKnown) dueMs = Math.min(dueMs, kill.startedMs + limits.serverAnswerMs);
    deadlines.set(kill.index, dueMs);
  }

  #release(kill: Kill): void {
    this.#parts.deadlines.clear(kill.index);
    this.#parts.pool.release(kill);
  }
}

function knowsNothing(kill: Kill): boolean {
  return !kill.client.nextKnown && !kill.server.nextKnown && !kill.client.acknowledgedKnown && !kill.server.acknowledgedKnown;
}
