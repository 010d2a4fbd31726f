/**
 * A node of a real cluster without a kubelet: a real API server that holds Node, Namespace and Pod objects, and a lab
 * whose namespaces are the pods. The sensor is the real program in the node's namespace.
 */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bridge, Lab, until } from "../lab/mod.ts";
import type { Namespace, Network, Station } from "../lab/mod.ts";
import { ClusterSensor } from "./sensor.ts";
import type { SensorWords } from "./sensor.ts";
import { ApiRelay } from "./apiRelay.ts";
import { startApiServer } from "../cluster/mod.ts";
import type { PrivateApiServer } from "../cluster/mod.ts";

const MANIFESTS = join(import.meta.dirname, "../../crds/manifests");
export const INSTALL_NAMESPACE = "flowreset-system";

async function installKinds(server: PrivateApiServer): Promise<void> {
  const files = readdirSync(MANIFESTS).filter((name) => name.endsWith(".yaml")).map((name) => `--filename=${join(MANIFESTS, name)}`);
  await server.kubectl(["apply", "--server-side", "--force-conflicts", ...files]);
  await server.established(...files);
  await server.expect("POST", "/api/v1/namespaces", { body: { metadata: { name: INSTALL_NAMESPACE } } });
}

export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly status?: object;
  /** The world's own where absent. */
  readonly namespace?: string;
}

export class World {
  readonly server: PrivateApiServer;
  readonly net: Network;
  readonly relay: ApiRelay;
  /** Of the Node, and of the SensorFleet. */
  readonly node: string;
  /** Where the pods live. */
  readonly namespace: string;
  readonly kubeconfig: string;

  private constructor(server: PrivateApiServer, net: Network, relay: ApiRelay, namespace: string, kubeconfig: string) {
    this.server = server;
    this.net = net;
    this.relay = relay;
    this.namespace = namespace;
    this.node = `node-${namespace}`;
    this.kubeconfig = kubeconfig;
  }

  /**
   * With an API server of its own: a sensor follows the FlowResets of its whole cluster, and pods of two worlds have
   * the same addresses. What is meant for one must never be able to reach another.
   * @param topology of the node and its pods
   */
  static async open(fleet: object = {}, topology: (lab: Lab) => Promise<Network> = bridge): Promise<World> {
    const server = await startApiServer();
    await installKinds(server);
    const net = await topology(await Lab.open());
    const relay = await ApiRelay.open(net.node, server.url);
    const namespace = await server.createNamespace("shop", { team: "web" });
    const kubeconfig = join(net.lab.directory, "kubeconfig");
    copyFileSync(server.kubeconfigPath, kubeconfig);
    const world = new World(server, net, relay, namespace, kubeconfig);
    await server.expect("POST", "/api/v1/nodes", { body: { metadata: { name: world.node, labels: { zone: "a" } } } });
    await server.apply([{ apiVersion: "flowreset.io/v1alpha1", kind: "SensorFleet", metadata: { name: world.node }, spec: fleet }]);
    return world;
  }

  sensor(words: SensorWords = {}): Promise<ClusterSensor> {
    const home = join(this.net.lab.directory, "sensor");
    mkdirSync(home, { recursive: true });
    return ClusterSensor.start(this.net.node, home, ["--node", this.node, "--fleet", this.node, "--kubeconfig", this.kubeconfig], words);
  }

  /** As in a pod: with a service account's token, and nothing of a kubeconfig. */
  sensorInPod(token: string, words: SensorWords = {}): Promise<ClusterSensor> {
    const home = join(this.net.lab.directory, "sensor");
    const account = join(home, "account");
    mkdirSync(account, { recursive: true });
    writeFileSync(join(account, "token"), token);
    writeFileSync(join(account, "ca.crt"), this.server.caPem);
    writeFileSync(join(account, "namespace"), INSTALL_NAMESPACE);
    const { hostname, port } = new URL(this.server.url);
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, ...words.environment };
    return ClusterSensor.start(this.net.node, home, ["--node", this.node, "--fleet", this.node, "--service-account-folder", account], { ...words, environment });
  }

  /** A Pod object for a namespace of the lab, as its kubelet would report it. @returns its uid. */
  async pod(name: string, { ipv4, ipv6 }: Pick<Station, "ipv4" | "ipv6">, { labels = {}, spec = {}, status = {}, namespace = this.namespace }: PodOptions = {}): Promise<string> {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const body = { metadata: { name, labels }, spec: { nodeName: this.node, containers: [{ name: "a", image: "a" }], ...spec } };
    const { metadata } = await this.server.expect("POST", pods, { body });
    const conditions = [{ type: "PodReadyToStartContainers", status: "True", lastTransitionTime: new Date().toISOString() }];
    await this.server.expect("PATCH", `${pods}/${name}/status`, {
      contentType: "application/merge-patch+json",
      body: { status: { phase: "Running", podIP: ipv4, podIPs: [{ ip: ipv4 }, { ip: ipv6 }], conditions, ...status } },
    });
    return metadata.uid as string;
  }

  async deletePod(name: string): Promise<void> {
    await this.server.expect("DELETE", `/api/v1/namespaces/${this.namespace}/pods/${name}?gracePeriodSeconds=0`);
  }

  /** Applies an object of ours, in the pods' namespace where its kind has one. */
  apply(kind: string, name: string, spec: object, namespace = this.namespace): Promise<string> {
    const place = kind.startsWith("Cluster") || kind.startsWith("Sensor") ? {} : { namespace };
    return this.server.apply([{ apiVersion: "flowreset.io/v1alpha1", kind, metadata: { name, ...place }, spec }]);
  }

  /** The SensorNode of this node when its status fits. */
  sensorNode(what: string, fits: (status: any) => boolean, timeoutMs = 60_000): Promise<any> {
    return until(what, async () => {
      const { status, body } = await this.server.request("GET", `/apis/flowreset.io/v1alpha1/sensornodes/${this.node}`);
      return status === 200 && body.status !== undefined && fits(body.status) ? body : undefined;
    }, timeoutMs, 50);
  }

  async close(): Promise<void> {
    await this.net.lab.close();
    await this.server.close();
  }
}

export type { Namespace };
