/** What is kept of a Pod: enough to know whose packets are whose, and where the kubelet asks for its health. */
import type { PodIdentity } from "../decide/mod.ts";

/** The part of the API server's object that is read here; everything in it may be missing. */
interface RawPod {
  readonly metadata: {
    readonly uid?: string;
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string | null;
    readonly resourceVersion?: string;
  };
  readonly spec?: {
    readonly hostNetwork?: boolean;
    readonly serviceAccountName?: string;
    readonly containers?: readonly RawContainer[];
    readonly initContainers?: readonly RawContainer[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly startTime?: string | null;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip?: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly lastTransitionTime?: string | null }[];
    readonly containerStatuses?: readonly RawContainerStatus[];
    readonly initContainerStatuses?: readonly RawContainerStatus[];
  };
}

interface RawContainer {
  readonly ports?: readonly { readonly name?: string; readonly containerPort?: number }[];
  readonly livenessProbe?: RawProbe;
  readonly readinessProbe?: RawProbe;
  readonly startupProbe?: RawProbe;
}

interface RawProbe {
  readonly httpGet?: { readonly port?: number | string };
  readonly tcpSocket?: { readonly port?: number | string };
  readonly grpc?: { readonly port?: number };
}

interface RawContainerStatus {
  readonly state?: { readonly running?: { readonly startedAt?: string | null }; readonly terminated?: unknown };
}

/** A pod as the API server tells it; which interface is its own is for the pod table to find out. */
export interface Pod extends Omit<PodIdentity, "interfaceIndex"> {
  /** Latest moment at which its sandbox is known to have had its network, by the kubelet's clock; 0 for never. */
  readonly networkReadyMs: number;
  /** When the kubelet began with it, so that its network is no older; absent where that is not told. */
  readonly startedMs?: number | undefined;
  /** Ports that the kubelet asks for the pod's health. */
  readonly probePorts: readonly number[];
}

/** Undefined for a pod that owns no address of its own: finished, ended, of the node's own network, or not placed yet. */
export function podOf(raw: object): Pod | undefined {
  const { metadata, spec = {}, status = {} } = raw as RawPod;
  if (spec.hostNetwork === true || status.phase === "Succeeded" || status.phase === "Failed") return undefined;
  if (metadata.deletionTimestamp != null && hasEnded(status)) return undefined;
  const addresses = [...new Set([status.podIP, ...(status.podIPs ?? []).map(({ ip }) => ip)])].filter((address) => address !== undefined && address !== "");
  return {
    uid: metadata.uid ?? "",
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    labels: metadata.labels ?? {},
    serviceAccount: spec.serviceAccountName ?? "default",
    addresses: addresses as string[],
    networkReadyMs: networkReadyMs(status),
    ...(status.startTime == null ? {} : { startedMs: Date.parse(status.startTime) || 0 }),
    probePorts: probePorts([...(spec.initContainers ?? []), ...(spec.containers ?? [])]),
  };
}

/** A pod being deleted keeps its address until its last container has ended. */
function hasEnded({ containerStatuses = [], initContainerStatuses = [] }: NonNullable<RawPod["status"]>): boolean {
  return [...initContainerStatuses, ...containerStatuses].every(({ state }) => state?.running === undefined);
}

function networkReadyMs({ conditions = [], containerStatuses = [], initContainerStatuses = [] }: NonNullable<RawPod["status"]>): number {
  const ready = conditions.find(({ type, status }) => type === "PodReadyToStartContainers" && status === "True");
  const times = [ready?.lastTransitionTime, ...[...containerStatuses, ...initContainerStatuses].map(({ state }) => state?.running?.startedAt)];
  return times.reduce((latest, time) => Math.max(latest, (time == null ? 0 : Date.parse(time)) || 0), 0);
}

function probePorts(containers: readonly RawContainer[]): number[] {
  const ports = new Set<number>();
  for (const { ports: named = [], livenessProbe, readinessProbe, startupProbe } of containers) {
    for (const probe of [livenessProbe, readinessProbe, startupProbe]) {
      const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port ?? probe?.grpc?.port;
      const number = typeof port === "string" ? (named.find(({ name }) => name === port)?.containerPort ?? Number(port)) : port;
      if (number !== undefined && Number.isInteger(number) && number > 0 && number < 65_536) ports.add(number);
    }
  }
  return [...ports].sort((a, b) => a - b);
}
