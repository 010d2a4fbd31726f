/** What the operator keeps of a SensorFleet and of its DaemonSet. */
import { formatPath, validate, type SensorFleetSpec, type SensorFleetStatus } from "../../crds/mod.ts";
import type { KubeMetadata, KubeObject } from "../../kube/mod.ts";
import { MARK_KEY_ANNOTATION } from "./daemonSet.ts";

export interface FleetFacts extends KubeObject {
  readonly metadata: KubeMetadata;
  /** Absent where it cannot be read. */
  readonly spec?: SensorFleetSpec;
  readonly fault?: string;
  readonly notes: readonly string[];
  readonly status: SensorFleetStatus;
}

/** Never throws, whatever was stored. */
export function fleetFacts(raw: KubeObject): FleetFacts {
  const { name, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, annotations } = raw.metadata;
  const metadata = { name, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, annotations } as KubeMetadata;
  const head = { apiVersion: raw.apiVersion, kind: raw.kind, metadata, status: (raw.status ?? {}) as SensorFleetStatus };
  const { valid, faults, notes } = validate(raw, { standalone: false });
  const [first] = faults;
  if (valid === undefined) return { ...head, notes: [], fault: first === undefined ? "Cannot read it" : `${formatPath(first.path)}: ${first.message}` };
  return { ...head, spec: valid.object.spec as SensorFleetSpec, notes: notes.map(({ path, message }) => `${formatPath(path)}: ${message}`) };
}

export interface DaemonSetFacts extends KubeObject {
  readonly metadata: KubeMetadata;
  readonly ownerUid: string;
  readonly observedGeneration: number;
  readonly desired: number;
  readonly ready: number;
  readonly updated: number;
  readonly unavailable: number;
  /** Of the Secret with the mark key that its pods were made for. */
  readonly markKeyUid?: string | undefined;
}

interface RawDaemonSet {
  spec?: { template?: { metadata?: { annotations?: Readonly<Record<string, string>> } } };
  status?: { observedGeneration?: number; desiredNumberScheduled?: number; numberReady?: number; updatedNumberScheduled?: number; numberUnavailable?: number };
}

export function daemonSetFacts(raw: KubeObject): DaemonSetFacts {
  const { name, namespace, uid, resourceVersion, generation, labels, ownerReferences = [] } = raw.metadata;
  const { spec, status = {} } = raw as RawDaemonSet;
  return {
    apiVersion: raw.apiVersion,
    kind: raw.kind,
    metadata: { name, namespace, uid, resourceVersion, generation, labels } as KubeMetadata,
    ownerUid: ownerReferences.find(({ controller }) => controller === true)?.uid ?? "",
    observedGeneration: status.observedGeneration ?? 0,
    desired: status.desiredNumberScheduled ?? 0,
    ready: status.numberReady ?? 0,
    updated: status.updatedNumberScheduled ?? 0,
    unavailable: status.numberUnavailable ?? 0,
    markKeyUid: spec?.template?.metadata?.annotations?.[MARK_KEY_ANNOTATION],
  };
}
