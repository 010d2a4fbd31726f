/**
 * The shared language: what people write and every program reads. One file a kind: schema, type, defaults.
 *
 * **Invariant:** an object that left this room has every default filled in and no field that nobody knows; no
 * text, however broken, makes it throw. The schemas hold no transforms, so that CRDs can be generated from them.
 *
 * It must not know who reads it: no I/O, no clock, no packets.
 */
export * from "./group.ts";
export * from "./limits.ts";
export {
  Confidence,
  durationMs,
  identityOf,
  interfaceMatches,
  isEmptySelector,
  parseAddress,
  parseCidr,
  resetRuns,
  ruleRuns,
  selects,
  wordMask,
  type Cidr,
  type Labels,
  type PortRange,
} from "./values/mod.ts";
export type { LabelSelector } from "./labelSelector.ts";
export type { Metadata } from "./metadata.ts";
export type { Subject } from "./subject.ts";
export type { Peers } from "./peers.ts";
export type { ConnectionDetector, SignatureDetector } from "./detectors.ts";
export type { PolicyRule } from "./policyRule.ts";
export {
  clusterResponsePolicy,
  responsePolicy,
  responsePolicySpec,
  type ClusterResponsePolicy,
  type ResponsePolicy,
  type ResponsePolicySpec,
} from "./responsePolicy.ts";
export {
  clusterFlowReset,
  flowReset,
  flowResetSpec,
  type ClusterFlowReset,
  type FlowEndpoint,
  type FlowReset,
  type FlowResetSpec,
} from "./flowReset.ts";
export { sensorFleet, sensorFleetSpec, sensorFleetStatus, type SensorFleet, type SensorFleetSpec, type SensorFleetStatus, type Toleration } from "./sensorFleet.ts";
export { sensorNode, sensorNodeSpec, sensorNodeStatus, type SensorNode, type SensorNodeSpec, type SensorNodeStatus } from "./sensorNode.ts";
export { condition, type Condition } from "./kubernetesFields.ts";
export { policyStatus, type NodeFailure, type PolicyStatus } from "./policyStatus.ts";
export {
  FINISHED_PHASES,
  FLOW_OUTCOMES,
  FLOW_RESET_PHASES,
  flowResetStatus,
  type FlowInStatus,
  type FlowOutcome,
  type FlowResetPhase,
  type FlowResetStatus,
} from "./flowResetStatus.ts";
export { defaultSettings, sensorSettings, sensorSettingsSpec, type SensorSettings, type SensorSettingsSpec } from "./sensorSettings.ts";
export { formatPath, formatRemark, type Fault, type Note, type Problem, type Remark } from "./remark.ts";
export { signatureCheck } from "./signatureCheck.ts";
export type { KindedObject } from "./kinds.ts";
export { validate, type Placement, type Validation } from "./validate.ts";
export { parseDocuments, type LoadedObject, type ParsedDocuments } from "./parseDocuments.ts";
