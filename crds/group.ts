/** The API group, its version and the kinds that it has today. */

export const API_VERSION = "flowreset.io/v1alpha1";

export const KINDS = ["ResponsePolicy", "ClusterResponsePolicy", "FlowReset", "ClusterFlowReset", "SensorSettings"] as const;

export type Kind = (typeof KINDS)[number];

/** Kinds that the design names and that no program reads yet. */
export const PLANNED_KINDS = ["SensorFleet", "SensorNode", "SignatureSet", "ThreatFeed", "Playbook"] as const;

/** Whether the kind lives in a namespace; every other is cluster-scoped. */
export function isNamespaced(kind: Kind): boolean {
  return kind === "ResponsePolicy" || kind === "FlowReset";
}
