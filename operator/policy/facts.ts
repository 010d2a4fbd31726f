/** What the operator keeps of a policy: who loads it and how it is judged, not what it matches. */
import { formatPath, isEmptySelector, validate, type LabelSelector, type PolicyStatus, type ResponsePolicySpec } from "../../crds/mod.ts";
import type { KubeMetadata, KubeObject } from "../../kube/mod.ts";
import { MAX_NOTES } from "./limits.ts";

export interface PolicyFacts extends KubeObject {
  readonly kind: "ResponsePolicy" | "ClusterResponsePolicy";
  readonly metadata: KubeMetadata;
  readonly mode: ResponsePolicySpec["mode"];
  /** Absent: every node. */
  readonly nodeSelector?: LabelSelector;
  /** Why no sensor can load it: the field that is wrong. */
  readonly fault?: string;
  /** Parts that do nothing yet. */
  readonly notes: readonly string[];
  readonly status: PolicyStatus;
}

/** Never throws, whatever was stored. */
export function policyFacts(raw: KubeObject): PolicyFacts {
  const { name, namespace, uid, resourceVersion, generation } = raw.metadata;
  const metadata = { name, namespace, uid, resourceVersion, generation } as KubeMetadata;
  const head = { apiVersion: raw.apiVersion, kind: raw.kind as PolicyFacts["kind"], metadata, status: (raw.status ?? {}) as PolicyStatus };
  const { valid, faults, notes } = validate(raw, { standalone: false });
  if (valid === undefined) {
    const [first] = faults;
    return { ...head, mode: "Observe", notes: [], fault: first === undefined ? "Cannot read it" : `${formatPath(first.path)}: ${first.message}` };
  }
  const { spec } = valid.object as { spec: ResponsePolicySpec };
  const { nodeSelector } = spec.subject;
  return {
    ...head,
    mode: spec.mode,
    ...(nodeSelector !== undefined && !isEmptySelector(nodeSelector) && { nodeSelector }),
    notes: notes.slice(0, MAX_NOTES).map(({ path, message }) => `${formatPath(path)}: ${message}`),
  };
}
