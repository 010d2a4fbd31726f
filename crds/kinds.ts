/** Every kind with its schemas: the whole object as a file holds it, and its two halves as an API server keeps them. */
import type { z } from "zod";
import { clusterFlowReset, flowReset, flowResetSpec, type ClusterFlowReset, type FlowReset } from "./flowReset.ts";
import { flowResetStatus } from "./flowResetStatus.ts";
import type { ClusterKind, Kind } from "./group.ts";
import { policyStatus } from "./policyStatus.ts";
import { clusterResponsePolicy, responsePolicy, responsePolicySpec, type ClusterResponsePolicy, type ResponsePolicy } from "./responsePolicy.ts";
import { sensorFleet, sensorFleetSpec, sensorFleetStatus, type SensorFleet } from "./sensorFleet.ts";
import { sensorNode, sensorNodeSpec, sensorNodeStatus, type SensorNode } from "./sensorNode.ts";
import { sensorSettings, type SensorSettings } from "./sensorSettings.ts";

export type KindedObject =
  | { readonly kind: "ResponsePolicy"; readonly object: ResponsePolicy }
  | { readonly kind: "ClusterResponsePolicy"; readonly object: ClusterResponsePolicy }
  | { readonly kind: "FlowReset"; readonly object: FlowReset }
  | { readonly kind: "ClusterFlowReset"; readonly object: ClusterFlowReset }
  | { readonly kind: "SensorFleet"; readonly object: SensorFleet }
  | { readonly kind: "SensorNode"; readonly object: SensorNode }
  | { readonly kind: "SensorSettings"; readonly object: SensorSettings };

export const OBJECT_SCHEMAS: Readonly<Record<Kind, z.ZodType>> = {
  ResponsePolicy: responsePolicy,
  ClusterResponsePolicy: clusterResponsePolicy,
  FlowReset: flowReset,
  ClusterFlowReset: clusterFlowReset,
  SensorFleet: sensorFleet,
  SensorNode: sensorNode,
  SensorSettings: sensorSettings,
};

export interface StoredSchemas {
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
}

export const STORED_SCHEMAS: Readonly<Record<ClusterKind, StoredSchemas>> = {
  ResponsePolicy: { spec: responsePolicySpec, status: policyStatus },
  ClusterResponsePolicy: { spec: responsePolicySpec, status: policyStatus },
  FlowReset: { spec: flowResetSpec, status: flowResetStatus },
  ClusterFlowReset: { spec: flowResetSpec, status: flowResetStatus },
  SensorFleet: { spec: sensorFleetSpec, status: sensorFleetStatus },
  SensorNode: { spec: sensorNodeSpec, status: sensorNodeStatus },
};
