/** Puts what a kill came to into an outcome record. */
import type { FlowTable } from "../flow/mod.ts";
import type { End, Kill } from "./kill.ts";
import type { EndEvidence, OutcomeRecord } from "./outcome.ts";

/** Brings the payload bytes that each end sent since the kill began up to date. */
export function countBytes(kill: Kill, table: FlowTable): void {
  if (kill.slot < 0) return;
  kill.client.bytesAfter = table.bytes(kill.slot, 0) - kill.client.bytesBefore;
  kill.server.bytesAfter = table.bytes(kill.slot, 1) - kill.server.bytesBefore;
}

export function summarise(kill: Kill, outcome: number, reason: number, nowMs: number, record: OutcomeRecord): void {
  record.outcome = outcome;
  record.reason = reason;
  record.slot = kill.slot;
  record.generation = kill.generation;
  record.address.set(kill.address);
  record.clientPort = kill.clientPort;
  record.serverPort = kill.serverPort;
  record.clientIsn = kill.client.isnKnown ? kill.client.isn : 0;
  record.serverIsn = kill.server.isnKnown ? kill.server.isn : 0;
  fillEnd(record.client, kill.client);
  fillEnd(record.server, kill.server);
  record.policy = kill.policy;
  record.rule = kill.rule;
  record.origin = kill.origin;
  record.joined = false;
  record.byHold = kill.byHold;
  record.target = kill.target;
  record.refuse = kill.refuse;
  record.isSecondActor = kill.isSecondActor;
  record.mptcp = kill.mptcp;
  record.detectedMs = kill.detectedMs;
  record.startedMs = kill.startedMs;
  record.firstRstMs = kill.firstRstMs;
  // Packets carry the time of their capture, which may lie before the send was over.
  record.decidedMs = Math.max(nowMs, kill.firstRstMs);
  record.rsts = kill.rsts;
  record.probes = kill.probes;
}

function fillEnd(evidence: EndEvidence, end: End): void {
  evidence.targeted = end.targeted;
  evidence.proof = end.proof;
  evidence.provenMs = end.provenMs;
  evidence.rsts = end.rsts;
  evidence.probes = end.probes;
  evidence.bytesAfter = end.bytesAfter;
  evidence.sendError = end.sendError;
}
