/**
 * Where a hold counts, and how long its policy may keep it. A hold on a pod of this node is about the pod, not about
 * the address, which the next pod may get: so it is tied to the interface at which that pod shows, and to the tuple
 * that stands there.
 */
import { Owner, ownerOfSide, placeOfSide } from "../detect/mod.ts";
import { FLOW_WORDS } from "../flow/mod.ts";
import { type CompiledPolicy, POLICY_WORDS, PolicyField } from "./compiled.ts";
import type { Decision } from "./decision.ts";
import type { Question } from "./question.ts";
import { NO_NAMESPACE } from "./subjects/mod.ts";

export function placeHold(question: Question, decision: Decision): void {
  decision.holdSlot = decision.slot;
  decision.holdInterface = 0;
  if (decision.holdMs === 0) return;
  for (const slot of [decision.slot, question.twin]) {
    const place = slot < 0 ? 0 : placeOfPod(question, slot * FLOW_WORDS);
    if (place === 0) continue;
    decision.holdSlot = slot;
    decision.holdInterface = place;
    return;
  }
  // Nobody of this tenant shows: nothing is held. Who has no tenant holds by the addresses alone.
  if (question.namespace !== NO_NAMESPACE) decision.holdMs = 0;
}

/** Whether what the policy has held so far stays held. */
export function mayHold({ policies, policyHoldMs, guards }: CompiledPolicy, policy: number): boolean {
  return policies[policy * POLICY_WORDS + PolicyField.Enforce] === 1 && policyHoldMs[policy]! > 0 && guards.heldBack[policy] !== 1;
}

/** The client's interface where it is a pod that the object may touch, else the server's. */
function placeOfPod(question: Question, base: number): number {
  for (let side = 0; side < 2; side++) if (isItsPod(question, base, side)) return placeOfSide(question.words, base, side);
  return 0;
}

function isItsPod({ words, namespace, compiled: { detection: { owners } } }: Question, base: number, side: number): boolean {
  const owner = ownerOfSide(owners, words, base, side);
  return namespace === NO_NAMESPACE ? owner >= Owner.FirstPod : owners.namespaces[owner] === namespace;
}
