/**
 * The cluster's nodes as far as sensors go: whether one can have a sensor, which addresses it has, and what sensors are
 * told of it all in one ConfigMap.
 *
 * **Invariant:** of 5,000 nodes a few words each are kept. The ConfigMap is written only when it would differ.
 *
 * It must not know fleets or reports.
 */
export { NodeAddresses } from "./addresses.ts";
export { nodeFacts, type NodeFacts } from "./facts.ts";
export { podCidrsOf } from "./podCidrs.ts";
export { publishDiscovery, type Discovery } from "./discovery.ts";
