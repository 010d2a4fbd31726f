/** One object in, from whatever source (a file, an API server's watch): the object with its defaults, or what is wrong. */
import type { z } from "zod";
import { didYouMean, explain } from "./explain.ts";
import { clusterFlowReset, flowReset, type ClusterFlowReset, type FlowReset } from "./flowReset.ts";
import { API_VERSION, KINDS, PLANNED_KINDS, type Kind } from "./group.ts";
import { misplaced } from "./placement.ts";
import { show, type Fault } from "./remark.ts";
import { clusterResponsePolicy, responsePolicy, type ClusterResponsePolicy, type ResponsePolicy } from "./responsePolicy.ts";
import { sensorSettings, type SensorSettings } from "./sensorSettings.ts";
import { nearest } from "./suggestion.ts";
import { unsupportedOfPolicy, unsupportedOfReset } from "./unsupported.ts";

export interface Placement {
  /** True for a file of a sensor without a cluster. */
  readonly standalone: boolean;
  /** What a later room finds wrong in a valid object (the text of its signatures): counts like a fault of our own. */
  readonly check?: (valid: KindedObject) => readonly Fault[];
}

export type KindedObject =
  | { readonly kind: "ResponsePolicy"; readonly object: ResponsePolicy }
  | { readonly kind: "ClusterResponsePolicy"; readonly object: ClusterResponsePolicy }
  | { readonly kind: "FlowReset"; readonly object: FlowReset }
  | { readonly kind: "ClusterFlowReset"; readonly object: ClusterFlowReset }
  | { readonly kind: "SensorSettings"; readonly object: SensorSettings };

export interface Validation {
  /** Absent where there are faults. */
  readonly valid?: KindedObject;
  readonly faults: Fault[];
  readonly notes: Fault[];
}

const SCHEMAS: Readonly<Record<Kind, z.ZodType>> = {
  ResponsePolicy: responsePolicy,
  ClusterResponsePolicy: clusterResponsePolicy,
  FlowReset: flowReset,
  ClusterFlowReset: clusterFlowReset,
  SensorSettings: sensorSettings,
};

/** Never throws, for any plain data (as JSON or YAML gives it) of bounded depth. */
export function validate(value: unknown, { standalone, check }: Placement): Validation {
  const identityFault = faultOfIdentity(value);
  if (identityFault !== undefined) return { faults: [identityFault], notes: [] };
  const kind = (value as { kind: Kind }).kind;
  const result = SCHEMAS[kind].safeParse(value, { reportInput: true });
  if (!result.success) return { faults: explain(result.error.issues, SCHEMAS[kind]), notes: [] };
  const valid = { kind, object: result.data } as KindedObject;
  const faults = misplaced(kind, valid.object.metadata, valid.object.spec, standalone);
  if (check !== undefined) faults.push(...check(valid));
  return faults.length > 0 ? { faults, notes: [] } : { valid, faults, notes: notesOf(valid) };
}

function notesOf(valid: KindedObject): Fault[] {
  switch (valid.kind) {
    case "ResponsePolicy":
    case "ClusterResponsePolicy":
      return unsupportedOfPolicy(valid.object.spec);
    case "FlowReset":
    case "ClusterFlowReset":
      return unsupportedOfReset(valid.object.spec);
    case "SensorSettings":
      return [];
  }
}

function faultOfIdentity(value: unknown): Fault | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { path: [], message: `Cannot read an object, expected a map of apiVersion, kind, metadata and spec: current value is ${show(value)}` };
  }
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
  if (PLANNED_KINDS.some((planned) => planned === kind)) {
    return { path: ["kind"], message: `Cannot use this kind, not supported yet, expected one of ${KINDS.join(", ")}: current value is ${show(kind)}` };
  }
  if (!KINDS.some((known) => known === kind)) {
    const near = typeof kind === "string" ? nearest(kind, KINDS) : undefined;
    return { path: ["kind"], message: `Cannot use this kind, expected one of ${KINDS.join(", ")}${didYouMean(near)}: current value is ${show(kind)}` };
  }
  if (apiVersion !== API_VERSION) {
    return { path: ["apiVersion"], message: `Cannot use this apiVersion, expected ${API_VERSION}: current value is ${show(apiVersion)}` };
  }
  return undefined;
}
