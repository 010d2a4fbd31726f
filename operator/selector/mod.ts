/**
 * Label selectors (meta/v1): whether labels are chosen, and the query that asks an API server for what is chosen.
 *
 * **Invariant:** both mean what Kubernetes means: every requirement must hold, an empty selector chooses everything,
 * NotIn and DoesNotExist hold where the label is absent.
 *
 * It must not know what carries the labels.
 */
export { isEmptySelector, selectorQuery, selects, type Labels } from "./selector.ts";
