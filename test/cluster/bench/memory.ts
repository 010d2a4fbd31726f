/**
 * Memory of operator and sensor as pods of a real cluster: at rest, and of a sensor on a node full of pods. PODS (250)
 * counts all pods of that node.
 */
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { residentOf } from "../../bench/resident.ts";
import type { Resident } from "../../bench/resident.ts";
import type { Table } from "../../bench/table.ts";
import { until } from "../../lab/mod.ts";
import type { Cluster } from "../mod.ts";
import { WORKLOAD_IMAGE } from "../mod.ts";
import { INSTALL_NAMESPACE } from "./names.ts";

const GOAL_SENSOR_MB = 120;
const GOAL_OPERATOR_MB = 100;
/** What a start needed has been given back by then. */
const REST_MS = 30_000;
/** A pod takes a second of this machine's processor. */
const POD_MS = 5_000;
/** A heartbeat, and a tenth. */
const HEARTBEAT_MS = 100_000;

export async function measureMemory(say: (text: string) => void, cluster: Cluster): Promise<Table[]> {
  const pods = Number(env["PODS"] ?? 250);
  if (!(pods >= 10 && pods <= 250)) throw new Error(`Give PODS a number from 10 to 250: current value is ${env["PODS"]}`);
  const node = cluster.nodes[0]!;
  const rows: Table["rows"][number][] = [];
  const add = (name: string, { totalMb, ownMb, fileMb, proportionalMb }: Resident, goal: number | "-"): void => void rows.push([name, totalMb, ownMb, fileMb, proportionalMb, goal]);
  say(`memory: at rest, after ${REST_MS / 1_000} s`);
  await sleep(REST_MS);
  const leader = (await leaderOf(cluster)) ?? "";
  for (const name of await podsOf(cluster, "operator")) add(leader.startsWith(name) ? "operator that leads" : "operator that waits", await residentOfPod(cluster, name), GOAL_OPERATOR_MB);
  const [sensor] = await podsOf(cluster, "sensor", node.name);
  add(`sensor, ${await podsOn(cluster, node.name)} pods on its node`, await residentOfPod(cluster, sensor!), GOAL_SENSOR_MB);
  const namespace = await cluster.api.createNamespace("bench-memory");
  try {
    const missing = pods - (await podsOn(cluster, node.name));
    await fill(cluster, namespace, node.name, missing, say);
    await until("the sensor to know its pods", async () => (await knownPods(cluster, node.name)) >= missing, HEARTBEAT_MS, 1_000);
    await sleep(REST_MS);
    add(`sensor, ${await podsOn(cluster, node.name)} pods on its node`, await residentOfPod(cluster, sensor!), GOAL_SENSOR_MB);
  } finally {
    say("memory: taking the pods away");
    await cluster.api.kubectl(["delete", "namespace", namespace, "--wait=false"]);
    await until("the pods to go", async () => (await podsOf(cluster, undefined, node.name, namespace)).length === 0, pods * POD_MS, 1_000);
  }
  return [
    {
      key: "memory",
      title: "Memory of operator and sensor in a cluster",
      columns: ["", "RSS MB", "own MB", "files MB", "PSS MB", "goal MB"],
      rows,
      notes: [
        "Pods of the chart in the cluster of two nodes, its image and its defaults; the processes as their node's kernel counts them.",
        '"files" holds Node.js itself and the ring; pods of a full node are asleep, each with a network namespace and an address of its own.',
      ],
    },
  ];
}

async function fill(cluster: Cluster, namespace: string, nodeName: string, count: number, say: (text: string) => void): Promise<void> {
  const pod = (index: number): object => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `sleeper-${index}`, namespace, labels: { app: "sleeper" } },
    spec: { nodeName, terminationGracePeriodSeconds: 0, containers: [{ name: "sleeper", image: WORKLOAD_IMAGE, args: ["sleep"] }] },
  });
  await cluster.api.apply(Array.from({ length: count }, (_, index) => pod(index)));
  let told = 0;
  await until("the node's pods to run", async () => {
    const { items } = await cluster.api.expect("GET", `/api/v1/namespaces/${namespace}/pods?resourceVersion=0`);
    const running = items.filter(({ status }: any) => status.phase === "Running").length;
    if (running - told >= 50) say(`memory: ${(told = running)} of ${count} pods run`);
    return running === count;
  }, count * POD_MS, 1_000);
}

async function podsOf(cluster: Cluster, component: string | undefined, nodeName?: string, namespace = INSTALL_NAMESPACE): Promise<string[]> {
  const labels = component === undefined ? "" : `&labelSelector=app.kubernetes.io/component%3D${component}`;
  const fields = nodeName === undefined ? "" : `&fieldSelector=spec.nodeName%3D${nodeName}`;
  const { items } = await cluster.api.expect("GET", `/api/v1/namespaces/${namespace}/pods?limit=500${labels}${fields}`);
  return items.map(({ metadata }: any) => metadata.name as string);
}

async function podsOn(cluster: Cluster, nodeName: string): Promise<number> {
  return (await cluster.api.expect("GET", `/api/v1/pods?fieldSelector=spec.nodeName%3D${nodeName}`)).items.length;
}

async function leaderOf(cluster: Cluster): Promise<string | undefined> {
  const { status, body } = await cluster.api.request("GET", `/apis/coordination.k8s.io/v1/namespaces/${INSTALL_NAMESPACE}/leases/flowreset-operator`);
  return status === 200 ? body.spec.holderIdentity : undefined;
}

async function knownPods(cluster: Cluster, nodeName: string): Promise<number> {
  return (await cluster.api.expect("GET", `/apis/flowreset.io/v1alpha1/sensornodes/${nodeName}`)).status?.capture?.pods ?? 0;
}

async function residentOfPod(cluster: Cluster, name: string): Promise<Resident> {
  const { node, pid } = await cluster.podProcess(INSTALL_NAMESPACE, name);
  return residentOf(pid, `/proc/${node.pid}/root/proc`);
}
