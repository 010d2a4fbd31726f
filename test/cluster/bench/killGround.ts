/** Where connections are killed: two pods, and how their network namespaces are reached from here. */
import type { ApiServer, Cluster } from "../mod.ts";
import { WORKLOAD_IMAGE } from "../mod.ts";

export interface KillGround {
  /** As in "pods on two nodes". */
  readonly name: string;
  readonly api: ApiServer;
  readonly kubectl: string;
  readonly namespace: string;
  readonly clientNetns: string;
  readonly serverNetns: string;
  readonly clientAddress: string;
  readonly serverAddress: string;
}

/** A pair of pods on the same node and one across, each in a namespace that goes with it. */
export async function openKillGrounds(cluster: Cluster): Promise<{ readonly grounds: readonly KillGround[]; close(): Promise<void> }> {
  const namespace = await cluster.api.createNamespace("bench-kill");
  const [one, two] = cluster.nodes as [Cluster["nodes"][0], Cluster["nodes"][0]];
  const pods = [["client", one.name], ["near", one.name], ["far", two.name]] as const;
  const close = async (): Promise<void> => void (await cluster.api.expect("DELETE", `/api/v1/namespaces/${namespace}`));
  try {
    await cluster.api.apply(pods.map(([name, node]) => pod(namespace, name, node)));
    await cluster.api.kubectl(["wait", `--namespace=${namespace}`, "--for=condition=Ready", "pod", "--all", "--timeout=60s"]);
    const ground = async (name: string, server: string): Promise<KillGround> => ({
      name,
      api: cluster.api,
      kubectl: cluster.programs.kubectl,
      namespace,
      clientNetns: await netnsOf(cluster, namespace, "client"),
      serverNetns: await netnsOf(cluster, namespace, server),
      clientAddress: await addressOf(cluster, namespace, "client"),
      serverAddress: await addressOf(cluster, namespace, server),
    });
    return { grounds: [await ground("pods of two nodes", "far"), await ground("pods of one node", "near")], close };
  } catch (error) {
    await close();
    throw error;
  }
}

function pod(namespace: string, name: string, nodeName: string): object {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec: { nodeName, terminationGracePeriodSeconds: 1, containers: [{ name, image: WORKLOAD_IMAGE, args: ["sleep"] }] } };
}

/** The node's own processes, as they are seen through its init. */
async function netnsOf(cluster: Cluster, namespace: string, name: string): Promise<string> {
  const { node, pid } = await cluster.podProcess(namespace, name);
  return `/proc/${node.pid}/root/proc/${pid}/ns/net`;
}

async function addressOf(cluster: Cluster, namespace: string, name: string): Promise<string> {
  return (await cluster.api.expect("GET", `/api/v1/namespaces/${namespace}/pods/${name}`)).status.podIP;
}
