/** The API group, its version and the kinds that it has today. */

export const GROUP = "flowreset.io";
export const VERSION = "v1alpha1";
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** Kinds that an API server knows, by a CRD each. */
export const CLUSTER_KINDS = ["ResponsePolicy", "ClusterResponsePolicy", "FlowReset", "ClusterFlowReset", "SensorFleet", "SensorNode"] as const;

export type ClusterKind = (typeof CLUSTER_KINDS)[number];

export const KINDS = [...CLUSTER_KINDS, "SensorSettings"] as const;

export type Kind = (typeof KINDS)[number];

/** Kinds that the design names and that no program reads yet. */
export const PLANNED_KINDS = ["SignatureSet", "ThreatFeed", "Playbook"] as const;

export interface KindNames {
  readonly plural: string;
  readonly shortName: string;
}

/** What people may type after `kubectl get`. */
export const KIND_NAMES: Readonly<Record<ClusterKind, KindNames>> = {
  ResponsePolicy: { plural: "responsepolicies", shortName: "rpol" },
  ClusterResponsePolicy: { plural: "clusterresponsepolicies", shortName: "crpol" },
  FlowReset: { plural: "flowresets", shortName: "fr" },
  ClusterFlowReset: { plural: "clusterflowresets", shortName: "cfr" },
  SensorFleet: { plural: "sensorfleets", shortName: "sf" },
  SensorNode: { plural: "sensornodes", shortName: "sn" },
};

/** Whether the kind lives in a namespace; every other is cluster-scoped. */
export function isNamespaced(kind: Kind): boolean {
  return kind === "ResponsePolicy" || kind === "FlowReset";
}
