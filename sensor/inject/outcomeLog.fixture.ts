/** Keeps outcomes as plain values. */
import { formatEndpoint } from "../decode/mod.ts";
import { isDeath, outcomeName, outcomeReasonName, proofName } from "./outcome.ts";
import type { EndEvidence, OutcomeRecord } from "./outcome.ts";

export interface ToldEnd {
  readonly dead: boolean;
  readonly proof: string;
  readonly rsts: number;
  readonly probes: number;
  readonly bytesAfter: number;
  readonly sendError: number;
}

export interface ToldOutcome {
  readonly outcome: string;
  readonly reason: string;
  readonly clientEndpoint: string;
  readonly serverEndpoint: string;
  readonly client: ToldEnd;
  readonly server: ToldEnd;
  readonly rsts: number;
  readonly probes: number;
  readonly policy: number;
  readonly origin: number;
  readonly joined: boolean;
  readonly byHold: boolean;
  readonly mptcp: boolean;
  /** Milliseconds from the trigger to the first RST, and to the outcome. */
  readonly reactionMs: number;
  readonly decidedAfterMs: number;
}

export class OutcomeLog {
  readonly told: ToldOutcome[] = [];
  /** Give it to the injector. */
  readonly onOutcome = (record: OutcomeRecord): void => this.#keep(record);

  #keep(record: OutcomeRecord): void {
    const { address } = record;
    this.told.push({
      outcome: outcomeName(record.outcome),
      reason: outcomeReasonName(record.reason),
      clientEndpoint: formatEndpoint(address[0], address[1], address[2], address[3], record.clientPort),
      serverEndpoint: formatEndpoint(address[4], address[5], address[6], address[7], record.serverPort),
      client: tellEnd(record.client),
      server: tellEnd(record.server),
      rsts: record.rsts,
      probes: record.probes,
      policy: record.policy,
      origin: record.origin,
      joined: record.joined,
      byHold: record.byHold,
      mptcp: record.mptcp,
      reactionMs: record.rsts === 0 ? 0 : record.firstRstMs - record.detectedMs,
      decidedAfterMs: record.decidedMs - record.startedMs,
    });
  }
}

function tellEnd(end: EndEvidence): ToldEnd {
  return { dead: isDeath(end.proof), proof: proofName(end.proof), rsts: end.rsts, probes: end.probes, bytesAfter: end.bytesAfter, sendError: end.sendError };
}
