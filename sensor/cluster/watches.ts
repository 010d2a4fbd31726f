/** What a sensor watches, and what it keeps of each object: the rest of a Pod or a Node is nobody's memory here. */
import { Reflector, RESOURCES } from "../../kube/mod.ts";
import type { KubeClient, KubeObject, Log, ReflectorEvent, Resource } from "../../kube/mod.ts";
import { podOf } from "./pod.ts";
import type { Pod } from "./pod.ts";

export interface KeptPod extends KubeObject {
  readonly pod: Pod;
}

export interface KeptNode extends KubeObject {
  readonly addresses: readonly string[];
}

export interface KeptConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

export interface KeptEndpoints extends KubeObject {
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

export interface WatchesOptions {
  readonly client: KubeClient;
  readonly node: string;
  readonly fleet: string;
  /** Where the operator lives. */
  readonly namespace: string;
  readonly log: Log;
  readonly onObject: (event: ReflectorEvent) => void;
  readonly onReset: (event: ReflectorEvent) => void;
  readonly onFleet: (event: ReflectorEvent) => void;
  readonly onPod: (event: ReflectorEvent<KeptPod>) => void;
  readonly onNamespace: (event: ReflectorEvent) => void;
  readonly onNode: (event: ReflectorEvent<KeptNode>) => void;
  readonly onStream: (event: ReflectorEvent<KeptConfigMap>) => void;
  readonly onEndpoints: (event: ReflectorEvent<KeptEndpoints>) => void;
  /** The first list of one of them was told. */
  readonly onSynced: (name: WatchName) => void;
  /** A connection came or went, a right is missing. */
  readonly onState: () => void;
}

export type WatchName = "policies" | "clusterPolicies" | "flowResets" | "clusterFlowResets" | "fleet" | "pods" | "namespaces" | "node" | "stream" | "apiServers" | "nameServers";
export type Watches = Readonly<Record<WatchName, Reflector>>;

/** Finished ones need nobody any more: an API server takes them out of the watch. */
const UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Expired";
export const STREAM_CONFIG_MAP = "flowreset-report-stream";
/** As every distribution's name service is labelled, and its EndpointSlices with it. */
export const NAME_SERVICE = { namespace: "kube-system", labelSelector: "k8s-app=kube-dns" } as const;

/** Made, not started. */
export function createWatches(options: WatchesOptions): Watches {
  const { client, node, fleet, namespace, log, onState, onSynced } = options;
  const watch = <T extends KubeObject>(name: WatchName, resource: Resource, onChange: (event: ReflectorEvent<T>) => void, transform: (raw: KubeObject) => T | undefined, scope: Scope = {}): Reflector =>
    new Reflector<T>({ client, resource, ...scope, transform, onChange, log, onState, onSynced: () => onSynced(name) }) as unknown as Reflector;
  const objects = (name: WatchName, resource: Resource, scope?: Scope) => watch(name, resource, options.onObject, specOf(resource), scope);
  const resets = (name: WatchName, resource: Resource) => watch(name, resource, options.onReset, specOf(resource), { fieldSelector: UNFINISHED });
  return {
    policies: objects("policies", RESOURCES.responsePolicies),
    clusterPolicies: objects("clusterPolicies", RESOURCES.clusterResponsePolicies),
    flowResets: resets("flowResets", RESOURCES.flowResets),
    clusterFlowResets: resets("clusterFlowResets", RESOURCES.clusterFlowResets),
    fleet: watch("fleet", RESOURCES.sensorFleets, options.onFleet, specOf(RESOURCES.sensorFleets), { fieldSelector: `metadata.name=${fleet}` }),
    pods: watch("pods", RESOURCES.pods, options.onPod, keptPod, { fieldSelector: `spec.nodeName=${node}` }),
    namespaces: watch("namespaces", RESOURCES.namespaces, options.onNamespace, labelsOf),
    node: watch("node", RESOURCES.nodes, options.onNode, keptNode, { fieldSelector: `metadata.name=${node}` }),
    stream: watch("stream", RESOURCES.configMaps, options.onStream, keptConfigMap, { namespace, fieldSelector: `metadata.name=${STREAM_CONFIG_MAP}` }),
    apiServers: watch("apiServers", RESOURCES.endpointSlices, options.onEndpoints, keptEndpoints, { namespace: "default", labelSelector: "kubernetes.io/service-name=kubernetes" }),
    nameServers: watch("nameServers", RESOURCES.endpointSlices, options.onEndpoints, keptEndpoints, NAME_SERVICE),
  };
}

interface Scope {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Without status: the operator's own words, and most of what changes. An item of a list does not say its kind. */
function specOf({ group, version, kind }: Resource): (raw: KubeObject) => KubeObject {
  return ({ metadata, spec }) => {
    const { name, namespace, uid, generation, resourceVersion, creationTimestamp, deletionTimestamp, labels } = metadata;
    const kept = { name, namespace, uid, generation, resourceVersion, creationTimestamp, deletionTimestamp, labels };
    return { apiVersion: `${group}/${version}`, kind, metadata: withoutAbsent(kept), spec };
  };
}

function keptPod(raw: KubeObject): KeptPod | undefined {
  const pod = podOf(raw);
  return pod === undefined ? undefined : { ...bare(raw), pod };
}

function keptNode(raw: KubeObject): KeptNode {
  const { addresses = [] } = (raw.status ?? {}) as { addresses?: { type: string; address: string }[] };
  const ips = addresses.filter(({ type }) => type === "InternalIP" || type === "ExternalIP").map(({ address }) => address);
  return { ...labelsOf(raw), addresses: ips };
}

function keptConfigMap(raw: KubeObject): KeptConfigMap {
  return { ...bare(raw), data: (raw as { data?: Record<string, string> }).data ?? {} };
}

function keptEndpoints(raw: KubeObject): KeptEndpoints {
  const { endpoints, ports } = raw as { endpoints?: { addresses?: string[] }[] | null; ports?: { port?: number | null }[] | null };
  return { ...bare(raw), addresses: (endpoints ?? []).flatMap(({ addresses = [] }) => addresses), ports: (ports ?? []).flatMap(({ port }) => port ?? []) };
}

function labelsOf(raw: KubeObject): KubeObject {
  const { name, uid, resourceVersion, labels = {} } = raw.metadata;
  return { apiVersion: "v1", kind: raw.kind, metadata: withoutAbsent({ name, uid, resourceVersion, labels }) };
}

function bare({ kind, metadata: { name, namespace, uid, resourceVersion } }: KubeObject): KubeObject {
  return { apiVersion: "v1", kind, metadata: withoutAbsent({ name, namespace, uid, resourceVersion }) };
}

/** A field that is there without a value is not what a schema knows as absent. */
function withoutAbsent<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
