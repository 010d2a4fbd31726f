/**
 * Where a hold counts. A tenant's hold is about its pod, not about the address, which the next pod may get: so it is
 * tied to the interface at which that pod shows, and to the tuple that stands there.
 */
import { ownerOfSide, placeOfSide } from "../detect/mod.ts";
import { FLOW_WORDS } from "../flow/mod.ts";
import type { Decision } from "./decision.ts";
import type { Question } from "./question.ts";
import { NO_NAMESPACE } from "./subjects/mod.ts";

export function placeHold(question: Question, decision: Decision): void {
  decision.holdSlot = decision.slot;
  decision.holdInterface = 0;
  if (question.namespace === NO_NAMESPACE || decision.holdMs === 0) return;
  for (const slot of [decision.slot, question.twin]) {
    const place = slot < 0 ? 0 : placeOfTenant(question, slot * FLOW_WORDS);
    if (place === 0) continue;
    decision.holdSlot = slot;
    decision.holdInterface = place;
    return;
  }
  // Nobody of this tenant shows: nothing is held.
  decision.holdMs = 0;
}

/** The client's interface where it is the tenant's pod, else the server's. */
function placeOfTenant({ words, namespace, compiled: { detection: { owners } } }: Question, base: number): number {
  for (let side = 0; side < 2; side++) {
    if (owners.namespaces[ownerOfSide(owners, words, base, side)] === namespace) return placeOfSide(words, base, side);
  }
  return 0;
}
