/** How many resets are too many: of one connection, for one policy, on this node. */
import { Field } from "../../flow/mod.ts";
import { MAX_KILLS_PER_CONNECTION } from "../limits.ts";
import type { Question } from "../question.ts";
import { Bucket } from "../rateBudget.ts";
import { Reason } from "../reason.ts";

/** A replay spends as live traffic would. */
export function spendsBudget(restraint: Reason | 0): boolean {
  return restraint === 0 || restraint === Reason.Replay;
}

/**
 * What would only be counted draws on a bucket of its own, so that Observe never uses up what Enforce needs. What has
 * waited takes only what is beyond half of a bucket: the rest is for what is found meanwhile.
 */
export function budget(question: Question): Reason | 0 {
  const { words, base, slot, generation, policy, nowMs, rates, connections, isAgain } = question;
  if (connections.kills(slot, generation) >= MAX_KILLS_PER_CONNECTION) return Reason.FlowBudget;
  const source = base + Field.InitiatorAddress;
  if (!rates.allows(Bucket.FirstPolicy + policy, words, source, nowMs, isAgain)) return Reason.PolicyBudget;
  const node = spendsBudget(question.restraint) ? Bucket.Node : Bucket.NodeObserving;
  return rates.allows(node, words, source, nowMs, isAgain) ? 0 : Reason.NodeBudget;
}
