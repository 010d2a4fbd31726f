/** The installed product, as its users see it: objects, pods and logs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../lab/mod.ts";
import type { Cluster, ClusterNode } from "../mod.ts";
import { sharedCluster } from "../mod.ts";

export const NAMESPACE = "flowreset-system";
export const FLEET = "default";
export const RELEASE = "flowreset";
export const CHART = join(import.meta.dirname, "../../../charts/flowreset");
const API = "/apis/flowreset.io/v1alpha1";
const READY_TIMEOUT_MS = 120_000;

export interface FlowResetObject {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string; readonly creationTimestamp: string };
  readonly status: {
    readonly phase: "Pending" | "Active" | "Succeeded" | "Failed" | "Expired";
    readonly message: string;
    readonly summary: { readonly matched: number; readonly reset: number; readonly confirmed: number; readonly wouldReset: number };
    readonly flows?: readonly { readonly client: string; readonly server: string; readonly outcome: string; readonly reason?: string; readonly latency?: string; readonly node: string }[];
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  };
}

export interface ProductPod {
  readonly name: string;
  readonly node: string;
  readonly image: string;
  readonly isReady: boolean;
}

export class Product {
  readonly cluster: Cluster;
  #resets = 0;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  get api(): Cluster["api"] {
    return this.cluster.api;
  }

  /** `kubectl apply` of a FlowReset, as an analyst does. @returns its name */
  async reset(namespace: string, match: object, spec: object = {}): Promise<string> {
    const name = `kill-${process.pid}-${++this.#resets}`;
    await this.api.apply([{ apiVersion: "flowreset.io/v1alpha1", kind: "FlowReset", metadata: { name, namespace }, spec: { match, ...spec } }]);
    return name;
  }

  /** The FlowReset once it is finished, whichever way. */
  finished(namespace: string, name: string, timeoutMs = 30_000): Promise<FlowResetObject> {
    return until(`the FlowReset ${namespace}/${name} to finish`, async () => {
      const found = (await this.api.expect("GET", `${API}/namespaces/${namespace}/flowresets/${name}`)) as FlowResetObject;
      return ["Succeeded", "Failed", "Expired"].includes(found.status?.phase) ? found : undefined;
    }, timeoutMs, 20);
  }

  /** `plural`: responsepolicies, sensornodes, ... */
  get(plural: string, name: string, namespace?: string): Promise<any> {
    return this.api.expect("GET", `${API}/${namespace === undefined ? "" : `namespaces/${namespace}/`}${plural}/${name}`);
  }

  /** Merge patch of the fleet's spec: the emergency stop, for one. */
  async patchFleet(spec: object): Promise<void> {
    await this.api.expect("PATCH", `${API}/sensorfleets/${FLEET}`, { body: { spec }, contentType: "application/merge-patch+json" });
  }

  /** `helm upgrade` with one more value. */
  async upgrade(value: string): Promise<void> {
    await this.cluster.helm("upgrade", RELEASE, CHART, `--namespace=${NAMESPACE}`, "--reuse-values", `--set=${value}`, "--wait", "--timeout=2m");
  }

  async pods(component: "operator" | "sensor"): Promise<ProductPod[]> {
    const selector = encodeURIComponent(`app.kubernetes.io/component=${component}`);
    const { items } = await this.api.expect("GET", `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=${selector}`);
    return items.map(({ metadata, spec, status }: any) => ({
      name: metadata.name,
      node: spec.nodeName,
      image: spec.containers[0].image,
      isReady: metadata.deletionTimestamp === undefined && (status.conditions ?? []).some(({ type, status: is }: any) => type === "Ready" && is === "True"),
    }));
  }

  async sensorOn(node: ClusterNode): Promise<string> {
    return (await this.pods("sensor")).find(({ node: at }) => at === node.name)!.name;
  }

  /** Operator and sensors are ready, all of one image, a sensor on each node, and each has said so. */
  async untilReady(): Promise<void> {
    await until("operator and sensors to be ready", async () => {
      const [operators, sensors] = await Promise.all([this.pods("operator"), this.pods("sensor")]);
      const all = [...operators, ...sensors];
      return operators.length === 2 && sensors.length === this.cluster.nodes.length && all.every(({ isReady }) => isReady) && new Set(all.map(({ image }) => image)).size === 1;
    }, READY_TIMEOUT_MS, 250);
    await this.untilTold();
  }

  /** Every sensor has said in its SensorNode that it works and enforces. */
  async untilTold(): Promise<void> {
    await until("every SensorNode to be ready", async () => {
      const { items } = await this.api.expect("GET", `${API}/sensornodes`);
      const told = items.filter(({ status }: any) => (status?.conditions ?? []).some(({ type, status: is }: any) => type === "Ready" && is === "True"));
      return told.length === this.cluster.nodes.length;
    }, READY_TIMEOUT_MS, 250);
  }

  /** The log of the sensor on a node, as the kubelet keeps it: it can be read whatever is down. */
  sensorLog(node: ClusterNode): string {
    const folder = `${node.state.folder}/var/log/pods`;
    const pods = readdirSync(folder).filter((name) => name.startsWith(`${NAMESPACE}_flowreset-sensor-`));
    return pods.flatMap((pod) => readdirSync(`${folder}/${pod}/sensor`).sort(byNumber).map((file) => readFileSync(`${folder}/${pod}/sensor/${file}`, "utf8"))).join("");
  }

  /** Waits until the sensor has said the words since a time. @returns when it did */
  sensorSaid(node: ClusterNode, words: string, sinceMs: number, timeoutMs = 30_000): Promise<number> {
    return until(`the sensor of ${node.name} to say "${words}"`, () => {
      const times = this.sensorLog(node).split("\n").flatMap((line) => (line.includes(words) ? [Date.parse(line.slice(0, line.indexOf(" ")))] : []));
      return times.find((ms) => ms >= sinceMs);
    }, timeoutMs);
  }

  /** What a person would look at first. */
  async story(namespaces: readonly string[]): Promise<string> {
    const kubectl = (...args: string[]) => this.api.kubectl(args).catch((error: Error) => error.message);
    const objects = "flowresets,responsepolicies,sensorfleets,sensornodes";
    const parts = [
      ["pods", await kubectl("get", "pods", "--all-namespaces", "--output=wide")],
      ["objects", await kubectl("get", objects, "--all-namespaces", "--output=yaml")],
      ...(await Promise.all(namespaces.map(async (name) => [`events of ${name}`, await kubectl("get", "events", `--namespace=${name}`)]))),
      ["sensors", await kubectl("logs", `--namespace=${NAMESPACE}`, "--selector=app.kubernetes.io/component=sensor", "--prefix", "--tail=60")],
      ["operator", await kubectl("logs", `--namespace=${NAMESPACE}`, "--selector=app.kubernetes.io/component=operator", "--prefix", "--tail=60")],
    ];
    return parts.map(([title, text]) => `---- ${title}\n${text}`).join("\n");
  }
}

/** 2.log comes before 10.log. */
function byNumber(left: string, right: string): number {
  return left.localeCompare(right, "en", { numeric: true });
}

/** The one that the global setup has installed. */
export function sharedProduct(): Product {
  return new Product(sharedCluster());
}
