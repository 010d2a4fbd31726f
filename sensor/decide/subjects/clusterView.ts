/** What the API server says of this node, as far as a policy can ask. Absent (standalone) there are no pods. */

import type { ProtectedCall } from "../compileGuards.ts";

/** One pod of this node that owns its addresses now: finished, deleting and host-network pods own none. */
export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly addresses: readonly string[];
  /**
   * The host's side of the pod's interface that is its own now. 0: not known for certain, and nothing counts
   * for the pod.
   */
  readonly interfaceIndex: number;
}

export interface ClusterView {
  /** Undefined: not known yet. */
  readonly nodeLabels: Readonly<Record<string, string>> | undefined;
  /** Labels of each namespace; of one that is not there they are not known. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly pods: readonly PodIdentity[];
  /** False while the API server does not answer: the pods are those of the last sync. */
  readonly isLive: boolean;
  /** Whether what a namespace's policies enforce counts (SensorFleet's enforceNamespaces). */
  readonly enforceable: (namespace: string) => boolean;
  /** Pod addresses of other nodes that a sensor covers, as CIDRs; may be empty. */
  readonly podCidrs: readonly string[];
  /** What keeps the cluster itself alive: never reset, whatever the settings say. */
  readonly protectedCalls?: readonly ProtectedCall[];
}
