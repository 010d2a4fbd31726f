/** One object in, from whatever source (a file, an API server's watch): the object with its defaults, or what is wrong. */
import { didYouMean, explain } from "./explain.ts";
import { API_VERSION, CLUSTER_KINDS, KINDS, PLANNED_KINDS, type ClusterKind, type Kind } from "./group.ts";
import { OBJECT_SCHEMAS, type KindedObject } from "./kinds.ts";
import { misplaced } from "./placement.ts";
import { show, type Fault } from "./remark.ts";
import { readStored, type StoredReading } from "./stored.ts";
import { nearest } from "./suggestion.ts";
import { unsupportedOfFleet, unsupportedOfPolicy, unsupportedOfReset } from "./unsupported.ts";

export interface Placement {
  /** True for a file of a sensor without a cluster; false for an object of an API server, which may be of another version. */
  readonly standalone: boolean;
  /** What a later room finds wrong in a valid object (the text of its signatures): counts like a fault of our own. */
  readonly check?: (valid: KindedObject) => readonly Fault[];
}

export interface Validation {
  /** Absent where there are faults. */
  readonly valid?: KindedObject;
  readonly faults: Fault[];
  readonly notes: Fault[];
}

/** Never throws, for any plain data (as JSON or YAML gives it) of bounded depth. */
export function validate(value: unknown, { standalone, check }: Placement): Validation {
  const identityFault = faultOfIdentity(value);
  if (identityFault !== undefined) return { faults: [identityFault], notes: [] };
  const { kind } = value as { kind: Kind };
  const reading = !standalone && isClusterKind(kind) ? readStored(kind, value as Record<string, unknown>) : readWritten(kind, value);
  if (reading.read === undefined) return { faults: reading.faults, notes: [] };
  const valid = reading.read;
  const faults = misplaced(kind, valid.object.metadata, valid.object.spec, standalone);
  if (check !== undefined) faults.push(...check(valid));
  if (faults.length > 0) return { faults, notes: [] };
  const notes = [...reading.notes, ...unsupported(valid)];
  if (valid.kind === "ResponsePolicy" || valid.kind === "ClusterResponsePolicy") {
    const { spec } = valid.object;
    if (reading.restingRules.size > 0) spec.rules = spec.rules.filter((_, index) => !reading.restingRules.has(index));
  }
  return { valid, faults, notes };
}

/** What a person wrote: a field that nobody knows is a slip. */
function readWritten(kind: Kind, value: unknown): StoredReading {
  const result = OBJECT_SCHEMAS[kind].safeParse(value, { reportInput: true });
  const restingRules = new Set<number>();
  if (!result.success) return { faults: explain(result.error.issues, OBJECT_SCHEMAS[kind]), notes: [], restingRules };
  return { read: { kind, object: result.data } as KindedObject, faults: [], notes: [], restingRules };
}

function isClusterKind(kind: Kind): kind is ClusterKind {
  return CLUSTER_KINDS.some((known) => known === kind);
}

function unsupported(valid: KindedObject): Fault[] {
  switch (valid.kind) {
    case "ResponsePolicy":
    case "ClusterResponsePolicy":
      return unsupportedOfPolicy(valid.object.spec);
    case "FlowReset":
    case "ClusterFlowReset":
      return unsupportedOfReset(valid.object.spec);
    case "SensorFleet":
      return unsupportedOfFleet(valid.object.spec);
    case "SensorNode":
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
