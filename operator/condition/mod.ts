/**
 * Conditions as Kubernetes' conventions and kstatus read them, and when a status differs from the one that is there.
 *
 * **Invariant:** lastTransitionTime moves only when a status moves; a condition that this program does not own stays
 * as it was. Equal meaning is never written again.
 *
 * It must not know any kind.
 */
export { mergeConditions, readiness, rfc3339, shortened, type ConditionWords, type Verdict } from "./condition.ts";
export { sameStatus } from "./sameStatus.ts";
