/**
 * One sensor acts first on a connection between two nodes: that of the client pod's node. Where the client is a pod of
 * another node that has a sensor, this one gives that one a moment, and acts if no RST of its comes by. It does not wait
 * where that one cannot act: a pod is seen by its own node's sensor alone, so what chooses the server's pod means
 * nothing there.
 */
import { has, Owner, ownerOfSide } from "../detect/mod.ts";
import { Field, FlowFlag } from "../flow/mod.ts";
import { FLOW_RESET_WORDS, FlowResetField } from "./compiled.ts";
import type { Decision } from "./decision.ts";
import { SECOND_ACTOR_DELAY_MS } from "./limits.ts";
import type { Question } from "./question.ts";

/** 0 where this sensor is first. Of policies all rules that fired count: the other sensor may act for any of them. */
export function secondActorDelayMs(question: Question, decision: Decision): number {
  const { base, row0, twinBase, twinRow0 } = question;
  const isSecond = isRemotePod(question, base, row0) || (twinBase >= 0 && isRemotePod(question, twinBase, twinRow0));
  return isSecond && !isServersAlone(question, decision) ? SECOND_ACTOR_DELAY_MS : 0;
}

/** The client under this tuple; one that shows at a local interface of its own is this node's, whatever its address. */
function isRemotePod({ words, compiled: { guards, detection: { owners } } }: Question, base: number, row: number): boolean {
  return has(guards.addresses, row, guards.remotePods) && ownerOfSide(owners, words, base, 0) === Owner.Nobody;
}

/** Where who is the server was only inferred the other sensor may take its own pod for it. */
function isServersAlone({ words, base, compiled }: Question, { flowReset, firedRules, firedCount, firedDropped }: Decision): boolean {
  if ((words[base + Field.Flags]! & FlowFlag.Inferred) !== 0) return false;
  if (flowReset >= 0) return compiled.flowResets[flowReset * FLOW_RESET_WORDS + FlowResetField.ServerPods]! >= 0;
  for (let i = 0; i < firedCount; i++) if (compiled.serversAlone[firedRules[i]!] === 0) return false;
  return firedDropped === 0;
}
