/** The API group, its version and the kinds that it has today. */

export const GROUP = "flowreset.io";
export const VERSION = "v1alpha1";
export const API_VERSION = "flowreset.io/v1alpha1";

/** Kinds that live in a namespace; every other kind is cluster-scoped. */
export const NAMESPACED_KINDS = ["ResponsePolicy", "FlowReset"] as const;

export const KINDS = ["ResponsePolicy", "ClusterResponsePolicy", "FlowReset", "ClusterFlowReset", "SensorSettings"] as const;

export type Kind = (typeof KINDS)[number];

/** Kinds that the design names and that no program reads yet. */
export const PLANNED_KINDS = ["SensorFleet", "SensorNode", "SignatureSet", "ThreatFeed", "Playbook"] as const;

export function isNamespaced(kind: Kind): boolean {
  return kind === "ResponsePolicy" || kind === "FlowReset";
}
