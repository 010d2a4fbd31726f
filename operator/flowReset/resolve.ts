/** Where a FlowReset's connections must be seen: the nodes of the pods that its addresses and selectors name. */
import { isIPv6 } from "node:net";
import type { FlowEndpoint, FlowResetSpec } from "../../crds/mod.ts";
import { addressText, RESOURCES, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import { selectorQuery } from "./selectorQuery.ts";
import type { Whereabouts } from "./asking.ts";
import { MAX_SELECTED_PODS } from "./limits.ts";

export interface Places {
  readonly client: KubeClient;
  /** Nodes that have the address themselves: one, none, or for a while two. */
  nodesOfAddress(address: string): readonly string[];
}

interface PodPlace {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string };
}

/**
 * A pod's node sees every connection of the pod, so that it alone decides what matched. A service's address, one
 * outside the cluster and a CIDR lead nowhere: then the other end does, or all sensors are asked. So does a pod's second
 * address (dual stack), by which an API server finds no pod; and to an object of a namespace a node's own, whose sensor
 * sees no pod of that namespace in it and could only refuse.
 */
export async function whereaboutsOf({ match }: FlowResetSpec, namespace: string | undefined, places: Places, signal: AbortSignal): Promise<Whereabouts> {
  const found = await Promise.all([match.client, match.server].map((endpoint) => nodesOf(endpoint, namespace, places, signal)));
  const nodes = new Set(found.flatMap((names) => names ?? []));
  return nodes.size === 0 ? "all" : [...nodes].toSorted();
}

/** Undefined where the endpoint does not say. */
async function nodesOf(endpoint: FlowEndpoint | undefined, namespace: string | undefined, places: Places, signal: AbortSignal): Promise<string[] | undefined> {
  const address = endpoint === undefined ? undefined : addressOf(endpoint);
  if (address !== undefined) {
    const nodes = places.nodesOfAddress(address);
    if (nodes.length > 0) return namespace === undefined ? [...nodes] : undefined;
    return podNodes(places.client, { fieldSelector: `status.podIP=${address}`, signal });
  }
  if (endpoint?.podSelector === undefined) return undefined;
  return podNodes(places.client, { namespace, labelSelector: selectorQuery(endpoint.podSelector), signal });
}

/** The one address that it names, if it does. */
function addressOf({ ip, cidr }: FlowEndpoint): string | undefined {
  const [text = "", prefix] = (ip ?? cidr ?? "").split("/");
  const bits = isIPv6(text) ? 128 : 32;
  return prefix === undefined || Number(prefix) === bits ? addressText(text) : undefined;
}

interface PodQuery {
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  readonly signal: AbortSignal;
}

async function podNodes(client: KubeClient, query: PodQuery): Promise<string[] | undefined> {
  const nodes = new Set<string>();
  let pods = 0;
  // The server's cache will do: a pod that is newer than it has hardly a connection to be reset.
  for await (const { items } of client.list<KubeObject & PodPlace>(RESOURCES.pods, { ...query, resourceVersion: "0" })) {
    for (const { spec, status } of items) {
      const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
      if (!isOver && spec?.nodeName !== undefined) nodes.add(spec.nodeName);
    }
    pods += items.length;
    if (pods > MAX_SELECTED_PODS) return undefined;
  }
  return nodes.size === 0 ? undefined : [...nodes];
}
