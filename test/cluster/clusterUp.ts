/** Makes the cluster from nothing, and removes every trace of it. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getuid } from "node:process";
import { until } from "../lab/mod.ts";
import { bringBinaries, cacheFolder } from "./binaries/binaries.ts";
import { CertificateAuthority } from "./controlPlane/certificates.ts";
import { clusterGroupExists, endClusterGroup } from "./machine/cgroups.ts";
import { Cluster, clusterFolder, controlPlaneOf, stateFile } from "./cluster.ts";
import type { ClusterState } from "./cluster.ts";
import { ClusterNode } from "./clusterNode.ts";
import { COMMANDS } from "./binaries/goModule.ts";
import type { CommandName } from "./binaries/goModule.ts";
import { buildImage, PAUSE_IMAGE, WORKLOAD_IMAGE } from "./images.ts";
import { lock } from "./machine/lock.ts";
import { Machine, runCommand } from "./machine/machine.ts";
import { HOST_INTERFACE, nodeAddresses, wireNode, wireOutside, wireSite } from "./machine/network.ts";
import { layRoute, setUpPodNetwork } from "./machine/podNetwork.ts";
import type { NodeNetwork, PodNetwork } from "./machine/podNetwork.ts";
import { Progress } from "./binaries/progress.ts";

const READY_TIMEOUT_MS = 180_000;
const READY_INTERVAL_MS = 250;

export interface ClusterOptions {
  /** "bridge" unless told. */
  readonly podNetwork?: PodNetwork;
  /** 2 unless told. */
  readonly nodes?: number;
  /** A name for whoever makes it, should nobody be able to ask afterwards. */
  readonly maker?: string;
}

export interface BroughtUp {
  readonly cluster: Cluster;
  /** Of whoever made it: `bringDown` with this takes no other cluster down. Undefined: it was up. */
  readonly maker: string | undefined;
}

/** Finds the cluster that is up, or makes one, over whatever an earlier run has left that was cut short. */
export async function bringUp({ podNetwork = "bridge", nodes = 2, maker = randomUUID() }: ClusterOptions = {}): Promise<BroughtUp> {
  if (getuid!() !== 0) throw new Error("Bring the cluster up as root: it makes network namespaces, mounts and cgroups");
  // Every machine has a /var/lib and a /run of its own, in which that would not be seen.
  if (/^\/(var\/lib|var\/log|run)\//.test(clusterFolder())) throw new Error(`Set XDG_CACHE_HOME to a folder outside /var/lib, /var/log and /run: current value is ${cacheFolder()}`);
  const binaries = await bringBinaries(Object.keys(COMMANDS) as CommandName[]);
  await using _held = await onlyOne();
  const running = Cluster.running();
  if (running !== undefined) {
    if (running.podNetwork === podNetwork) return { cluster: running, maker: undefined };
    throw new Error(`Run make cluster-down first to change the pod network to ${podNetwork}: current value is ${running.podNetwork}`);
  }
  await removeTraces();
  mkdirSync(clusterFolder(), { recursive: true, mode: 0o700 });
  writeFileSync(makerFile(), maker);
  try {
    return { cluster: await make(podNetwork, nodes, binaries), maker };
  } catch (error) {
    await removeTraces();
    throw error;
  }
}

/** Removes every trace of a cluster, also of one whose making was cut short. @param maker takes down that one's alone */
export async function bringDown(maker?: string): Promise<void> {
  await using _held = await onlyOne();
  if (maker === undefined || (existsSync(makerFile()) && readFileSync(makerFile(), "utf8") === maker)) await removeTraces();
}

const makerFile = (): string => `${clusterFolder()}/maker`;

/** One run makes or removes a cluster at a time. */
function onlyOne(): Promise<AsyncDisposable> {
  mkdirSync(cacheFolder(), { recursive: true });
  return lock(`${cacheFolder()}/cluster.lock`);
}

async function make(podNetwork: PodNetwork, count: number, binaries: ClusterState["binaries"]): Promise<Cluster> {
  const progress = new Progress([
    { name: "the machines", usualSeconds: 3 },
    { name: "the control plane", usualSeconds: 6 },
    { name: "the nodes", usualSeconds: 4 },
    { name: "until the nodes are ready", usualSeconds: 12 },
  ], "cluster:");
  const folder = clusterFolder();
  const { site, outside, nodes } = await progress.during("the machines", () => bootMachines(folder, count, binaries));
  const controlPlane = controlPlaneOf(site, binaries);
  await progress.during("the control plane", async () => {
    await controlPlane.prepare();
    await controlPlane.startEtcd();
    await controlPlane.startApiServer();
    await controlPlane.startControllerManager();
    await controlPlane.startScheduler();
  });
  const state: ClusterState = { podNetwork, binaries, site: site.state, outside: outside.state, nodes: nodes.map((node) => ({ ...node.state, addresses: node.addresses })) };
  const cluster = new Cluster(state);
  await progress.during("the nodes", async () => {
    const pki = `${folder}/control/pki`;
    const authority = await CertificateAuthority.open({ certPem: readFileSync(`${pki}/ca.crt`, "utf8"), keyPem: readFileSync(`${pki}/ca.key`, "utf8") });
    await Promise.all(nodes.map((node) => startNode(node, controlPlane.url, authority)));
  });
  await progress.during("until the nodes are ready", async () => {
    await connectPods(cluster);
    await untilReady(cluster);
  });
  writeFileSync(stateFile(), JSON.stringify(state, null, 2));
  return cluster;
}

async function bootMachines(folder: string, count: number, binaries: ClusterState["binaries"]): Promise<{ site: Machine; outside: Machine; nodes: ClusterNode[] }> {
  const site = await Machine.boot("site", `${folder}/site`);
  await wireSite(site);
  const outside = await Machine.boot("outside", `${folder}/outside`);
  await wireOutside(site, outside);
  const nodes: ClusterNode[] = [];
  for (let number = 1; number <= count; number++) {
    const machine = await Machine.boot(`node-${number}`, `${folder}/node-${number}`);
    const addresses = nodeAddresses(number);
    await wireNode(site, machine, addresses);
    nodes.push(new ClusterNode({ ...machine.state, addresses }, binaries));
  }
  return { site, outside, nodes };
}

async function startNode(node: ClusterNode, url: string, authority: CertificateAuthority): Promise<void> {
  await node.prepare(url, authority);
  await node.startContainerd();
  await node.importImage(buildImage("pause"), PAUSE_IMAGE);
  await node.importImage(buildImage("workload"), WORKLOAD_IMAGE);
  await node.startKubelet();
  await node.startKubeProxy();
}

/** The controller manager gives each node that registers a range of pod addresses, which its network then uses. */
async function connectPods(cluster: Cluster): Promise<void> {
  const networks = await Promise.all(cluster.nodes.map(async (node): Promise<NodeNetwork> => {
    const [IPv4, IPv6] = await until(`${node.name} to be given pod addresses`, async () => {
      const { status, body } = await cluster.api.request("GET", `/api/v1/nodes/${node.name}`);
      return status === 200 ? (body.spec.podCIDRs as [string, string] | undefined) : undefined;
    }, READY_TIMEOUT_MS, READY_INTERVAL_MS);
    return { addresses: node.addresses, podRanges: { IPv4, IPv6 } };
  }));
  // The API server calls webhooks that run in pods; flannel would have it on the tunnel, here it is routed.
  for (const network of networks) await layRoute("bridge", cluster.site, network);
  await Promise.all(cluster.nodes.map((node, index) => setUpPodNetwork(cluster.podNetwork, node, networks[index]!, networks.filter((_, other) => other !== index))));
}

async function untilReady(cluster: Cluster): Promise<void> {
  await until("all nodes to be ready", async () => {
    const { items } = (await cluster.api.expect("GET", "/api/v1/nodes")) as { items: NodeObject[] };
    return items.filter(isReady).length === cluster.nodes.length;
  }, READY_TIMEOUT_MS, READY_INTERVAL_MS);
  await until("the default service account", async () => (await cluster.api.request("GET", "/api/v1/namespaces/default/serviceaccounts/default")).status === 200, READY_TIMEOUT_MS);
}

interface NodeObject {
  readonly spec: { readonly taints?: readonly unknown[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Ready, and free of the taints that it registers with: pods are scheduled to it. */
function isReady({ spec, status }: NodeObject): boolean {
  return (spec.taints ?? []).length === 0 && (status.conditions ?? []).some(({ type, status: value }) => type === "Ready" && value === "True");
}

/** Nothing happens where there is none. */
async function removeTraces(): Promise<void> {
  await endClusterGroup();
  // With the network namespace of the site its peer goes; where the site was never wired it is still here.
  await until("the cluster's interface to go", async () => {
    const { code } = await runCommand(["ip", "link", "show", "dev", HOST_INTERFACE], "ip link show", { check: false });
    if (code === 0) await runCommand(["ip", "link", "delete", "dev", HOST_INTERFACE], "ip link delete", { check: false });
    return code !== 0;
  });
  rmSync(clusterFolder(), { recursive: true, force: true });
  // A machine that was just being started when its maker was killed comes late.
  if (clusterGroupExists()) await removeTraces();
}
