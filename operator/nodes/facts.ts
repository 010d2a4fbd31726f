/** What is kept of a Node. */
import { addressText, type KubeMetadata, type KubeObject } from "../../kube/mod.ts";

export interface NodeFacts extends KubeObject {
  readonly metadata: KubeMetadata & { readonly name: string };
  readonly labels: Readonly<Record<string, string>>;
  /** As `addressText` writes them: who filled the status in may have written IPv6 otherwise. */
  readonly addresses: readonly string[];
  readonly podCidrs: readonly string[];
  /** No sensor can run there. */
  readonly uncoverable?: "Windows" | "Virtual" | undefined;
}

interface RawNode extends KubeObject {
  spec?: { podCIDRs?: string[]; podCIDR?: string; providerID?: string; taints?: { key?: string }[] };
  status?: { addresses?: { type?: string; address?: string }[]; nodeInfo?: { operatingSystem?: string } };
}

export function nodeFacts(raw: KubeObject): NodeFacts {
  const { metadata, spec, status } = raw as RawNode;
  const labels = metadata.labels ?? {};
  return {
    apiVersion: raw.apiVersion,
    kind: raw.kind,
    metadata: { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion } as NodeFacts["metadata"],
    labels,
    addresses: (status?.addresses ?? []).flatMap(({ type, address }) => (type === "Hostname" || address === undefined ? [] : (addressText(address) ?? []))),
    podCidrs: spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]),
    uncoverable: isVirtual(labels, spec?.taints ?? []) ? "Virtual" : osOf(labels, status) === "windows" ? "Windows" : undefined,
  };
}

function osOf(labels: Readonly<Record<string, string>>, status: RawNode["status"]): string {
  return labels["kubernetes.io/os"] ?? status?.nodeInfo?.operatingSystem ?? "linux";
}

/** Virtual Kubelet and what is built on it (ACI, Fargate): there is no host to run a DaemonSet on. */
function isVirtual(labels: Readonly<Record<string, string>>, taints: readonly { key?: string }[]): boolean {
  return (
    labels["type"] === "virtual-kubelet" ||
    labels["kubernetes.azure.com/role"] === "virtual-node" ||
    labels["eks.amazonaws.com/compute-type"] === "fargate" ||
    taints.some(({ key }) => key === "virtual-kubelet.io/provider" || key === "eks.amazonaws.com/compute-type")
  );
}
