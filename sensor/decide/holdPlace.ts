/**
 * Where a hold counts, and how long its policy may keep it. A hold on a pod of this node is about the pod, not about
 * the address, which the next pod may get: so it is tied to the interface at which that pod shows, and to the tuple
 * that stands there.
 */
import { isPodInterface, Owner, ownerOfSide, placeOfSide } from "../detect/mod.ts";
import { FLOW_WORDS } from "../flow/mod.ts";
import { type CompiledPolicy, POLICY_WORDS, PolicyField } from "./compiled.ts";
import type { Decision } from "./decision.ts";
import { isSharedClient } from "./guards/sharedClient.ts";
import type { Question } from "./question.ts";
import { Reason } from "./reason.ts";
import { NO_NAMESPACE } from "./subjects/mod.ts";

/**
 * Sets where the decision's hold counts, or `holdRefused`. Of two tuples (NAT) it is the one under which the client is
 * one party: what the node masquerades to a pod comes from the node's address, whoever the client is.
 */
export function placeHold(question: Question, decision: Decision): void {
  const { slot, twin } = question;
  decision.holdSlot = slot;
  decision.holdInterface = 0;
  if (decision.holdMs === 0) return;
  if (holdsPod(question, decision, slot) || (twin >= 0 && holdsPod(question, decision, twin))) return;
  // Who has no tenant holds by the addresses alone; of a tenant nobody shows, or shows for himself: nothing is held.
  const isFree = question.namespace === NO_NAMESPACE;
  if (isFree && !isSharedClient(question, slot)) return;
  if (isFree && twin >= 0 && !isSharedClient(question, twin)) {
    decision.holdSlot = twin;
    return;
  }
  const isShared = isSharedClient(question, slot) || (twin >= 0 && isSharedClient(question, twin));
  decision.holdRefused = isShared ? Reason.SharedClient : 0;
  decision.holdMs = 0;
}

function holdsPod(question: Question, decision: Decision, slot: number): boolean {
  const place = placeOfPod(question, slot * FLOW_WORDS);
  if (place === 0 || isSharedClient(question, slot)) return false;
  decision.holdSlot = slot;
  decision.holdInterface = place;
  return true;
}

/** Whether what the policy has held so far stays held. */
export function mayHold({ policies, policyHoldMs, guards }: CompiledPolicy, policy: number): boolean {
  return policies[policy * POLICY_WORDS + PolicyField.Enforce] === 1 && policyHoldMs[policy]! > 0 && guards.heldBack[policy] !== 1;
}

/** The client's interface where it is a pod that the object may touch, else the server's. */
function placeOfPod(question: Question, base: number): number {
  for (let side = 0; side < 2; side++) {
    const place = placeOfSide(question.words, base, side);
    if (isItsPod(question, base, side, place)) return place;
  }
  return 0;
}

/** Who has no tenant need not know whose pod it is: of a new one the API server may not have told yet. */
function isItsPod({ words, namespace, compiled: { detection: { owners } } }: Question, base: number, side: number, place: number): boolean {
  const owner = ownerOfSide(owners, words, base, side);
  return namespace === NO_NAMESPACE ? owner >= Owner.FirstPod || isPodInterface(owners, place) : owners.namespaces[owner] === namespace;
}
