/** The ConfigMap by which sensors find the operator and know where pods are. */
import { RESOURCES, type KubeClient, type KubeObject } from "../../kube/mod.ts";

export interface Discovery {
  /** `https://10.96.0.17:8443`: an address, because sensors may have no cluster DNS. */
  readonly url: string;
  /** The name in the certificate. */
  readonly serverName: string;
  /** PEM. */
  readonly ca: string;
  readonly podCidrs: readonly string[];
}

export interface Place {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  readonly fieldManager: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** @returns whether it had to be written. */
export async function publishDiscovery(discovery: Discovery, { client, namespace, name, fieldManager, labels }: Place, signal: AbortSignal): Promise<boolean> {
  const data = { url: discovery.url, serverName: discovery.serverName, ca: discovery.ca, podCidrs: JSON.stringify(discovery.podCidrs) };
  const found = await client.find<KubeObject & { data?: Record<string, string> }>(RESOURCES.configMaps, { namespace, name }, { signal });
  if (found !== undefined && Object.entries(data).every(([key, value]) => found.data?.[key] === value)) return false;
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name, labels: { ...labels } }, data };
  await client.apply<KubeObject>(RESOURCES.configMaps, object, { fieldManager, signal });
  return true;
}
