/**
 * One sensor acts first on a connection between two nodes: that of the client pod's node. Where the client is a pod of
 * another node that has a sensor, this one gives that one a moment, and acts if no RST of its comes by.
 */
import { has, Owner, ownerOfSide } from "../detect/mod.ts";
import { SECOND_ACTOR_DELAY_MS } from "./limits.ts";
import type { Question } from "./question.ts";

/** 0 where this sensor is first. */
export function secondActorDelayMs(question: Question): number {
  const { base, row0, twinBase, twinRow0 } = question;
  if (isRemotePod(question, base, row0)) return SECOND_ACTOR_DELAY_MS;
  return twinBase >= 0 && isRemotePod(question, twinBase, twinRow0) ? SECOND_ACTOR_DELAY_MS : 0;
}

/** The client under this tuple; one that shows at a local interface of its own is this node's, whatever its address. */
function isRemotePod({ words, compiled: { guards, detection: { owners } } }: Question, base: number, row: number): boolean {
  return has(guards.addresses, row, guards.remotePods) && ownerOfSide(owners, words, base, 0) === Owner.Nobody;
}
