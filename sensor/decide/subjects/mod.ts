/**
 * Whose traffic an object is about: pods by namespace, labels and service account, and this node's own. From what the
 * API server says of pods and what rtnetlink says of interfaces to the table that a flow's sides are looked up in.
 *
 * **Invariant:** a pod counts at the one interface that was its own when it was learnt, and nowhere else; what is not
 * known for certain is nobody's.
 *
 * It must not know what a policy does with its subject.
 */
export type { ClusterView, PodIdentity } from "./clusterView.ts";
export { OwnerNumbers } from "./ownerNumbers.ts";
export { NO_NAMESPACE, type SubjectQuery, Subjects } from "./subjects.ts";
