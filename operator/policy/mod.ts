/**
 * Policies: whether the sensors have loaded them, whether they may enforce, and what they did.
 *
 * **Invariant:** a status holds counts, never an entry a node, and at most ten failures; a silent sensor never keeps a
 * policy from being Ready; all writes of counts together stay within the budget of deliveries; an object that cannot
 * be read gets a condition that names the field, and stops nobody.
 *
 * It must not know how policies match, nor how a report arrives.
 */
export { PolicyController, type PolicyControllerOptions } from "./controller.ts";
export { policyFacts, type PolicyFacts } from "./facts.ts";
export type { FleetRules } from "./enforcing.ts";
