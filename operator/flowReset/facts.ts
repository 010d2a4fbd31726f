/** What the operator keeps of a FlowReset: whole while it runs, a few fields once it is over. */
import { durationMs, FINISHED_PHASES, formatPath, resetRuns, validate, type FlowResetPhase, type FlowResetSpec, type FlowResetStatus } from "../../crds/mod.ts";
import type { KubeMetadata, KubeObject } from "../../kube/mod.ts";

export interface FlowResetFacts extends KubeObject {
  readonly kind: "FlowReset" | "ClusterFlowReset";
  readonly metadata: KubeMetadata;
  readonly phase: FlowResetPhase;
  readonly ttlSeconds: number;
  readonly completedMs: number;
  /** Absent once it is over, and where it cannot be read. */
  readonly spec?: FlowResetSpec;
  readonly status?: FlowResetStatus;
  /** Why it can never run: the field that is wrong, or not supported yet. */
  readonly fault?: { readonly reason: "Invalid" | "NotSupported"; readonly message: string };
}

const DEFAULT_TTL_SECONDS = 86_400;

export function isFinished(phase: FlowResetPhase): boolean {
  return (FINISHED_PHASES as readonly string[]).includes(phase);
}

/** Never throws, whatever was stored. */
export function flowResetFacts(raw: KubeObject): FlowResetFacts {
  const kind = raw.kind as FlowResetFacts["kind"];
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = raw.metadata;
  const metadata = { name, uid, resourceVersion, generation, creationTimestamp, namespace, deletionTimestamp } as KubeMetadata;
  const head = { apiVersion: raw.apiVersion, kind, metadata };
  const status = (raw.status ?? {}) as FlowResetStatus;
  const phase = status.phase ?? "Pending";
  const ttlSeconds = ttlOf(raw.spec);
  // Who wrote that it is over and not since when must not have it taken away at once.
  const completedMs = Date.parse(status.completionTime ?? "") || Date.parse(creationTimestamp ?? "") || 0;
  if (isFinished(phase)) return { ...head, phase, ttlSeconds, completedMs };
  const { valid, faults, notes } = validate(raw, { standalone: false });
  if (valid === undefined) {
    const [first] = faults;
    const message = first === undefined ? "Cannot read it" : `${formatPath(first.path)}: ${first.message}`;
    return { ...head, phase, ttlSeconds, completedMs, status, fault: { reason: "Invalid", message } };
  }
  const { spec } = valid.object as { spec: FlowResetSpec };
  const unsupported = resetRuns(spec) ? undefined : notes.at(-1);
  return {
    ...head,
    phase,
    ttlSeconds,
    completedMs,
    status,
    spec,
    ...(unsupported !== undefined && { fault: { reason: "NotSupported", message: `${formatPath(unsupported.path)}: ${unsupported.message}` } as const }),
  };
}

export function holdMs({ hold }: FlowResetSpec): number {
  return Math.max(0, durationMs(hold));
}

function ttlOf(spec: unknown): number {
  const ttl = (spec as { ttlSecondsAfterFinished?: unknown } | undefined)?.ttlSecondsAfterFinished;
  return typeof ttl === "number" && ttl >= 0 ? ttl : DEFAULT_TTL_SECONDS;
}
