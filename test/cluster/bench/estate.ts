/** The objects of a large cluster: nodes, their pods, a sensor's pod on each, namespaces and policies. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PrivateApiServer } from "../mod.ts";
import { EtcdWriter } from "./etcd.ts";
import { FLEET, INSTALL_NAMESPACE, namespaceName, namespaceNames, nodeAddress, nodeName, podAddress, SENSOR_ACCOUNT, sensorPodName } from "./names.ts";
import { inParallel } from "./inParallel.ts";

export const PODS_A_NODE = 10;
const MANIFESTS = join(import.meta.dirname, "../../../deploy/flowreset.yaml");
const PARALLEL = 16;
/** A node tells up to 50 images that it has. */
const IMAGES = 20;

export class Estate {
  readonly #server: PrivateApiServer;
  readonly #etcd: EtcdWriter;
  readonly #say: (text: string) => void;
  #nodes = 0;

  constructor(server: PrivateApiServer, say: (text: string) => void) {
    this.#server = server;
    this.#etcd = new EtcdWriter(server.etcdUrl);
    this.#say = say;
  }

  get nodes(): number {
    return this.#nodes;
  }

  /** The product as plain YAML installs it (its Deployment stays a wish: nobody runs pods here), namespaces, policies. */
  async found(policies: number): Promise<void> {
    await this.#server.apply(readFileSync(MANIFESTS, "utf8"));
    await this.#server.established("crd", "--all");
    for (const name of namespaceNames()) {
      await this.#server.expect("POST", "/api/v1/namespaces", { body: { metadata: { name } } });
      await this.#server.createServiceAccount(name, "default");
    }
    await inParallel(policies, PARALLEL, (index) => {
      const object = policy(index);
      return this.#server.expect("POST", `/apis/flowreset.io/v1alpha1/namespaces/${object.metadata.namespace}/responsepolicies`, { body: object });
    });
    this.#say(`${policies} policies in ${namespaceNames().length} namespaces`);
  }

  /** Adds nodes and pods until there are so many nodes. */
  async growTo(nodes: number): Promise<void> {
    const added = Array.from({ length: nodes - this.#nodes }, (_, offset) => this.#nodes + offset);
    const startMs = performance.now();
    await this.#etcd.put("minions", added.map(node));
    await this.#etcd.put("pods", added.flatMap((index) => [sensorPod(index), ...Array.from({ length: PODS_A_NODE }, (_, number) => pod(index, number))]));
    this.#nodes = nodes;
    this.#say(`${added.length} nodes and ${added.length * (PODS_A_NODE + 1)} pods more, in ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  }

  /** What the DaemonSet controller would say of the operator's DaemonSet. */
  async showSensorsRunning(): Promise<void> {
    const path = `/apis/apps/v1/namespaces/${INSTALL_NAMESPACE}/daemonsets`;
    const count = this.#nodes;
    for (const { metadata } of (await this.#server.expect("GET", path)).items) {
      const status = { observedGeneration: metadata.generation, currentNumberScheduled: count, desiredNumberScheduled: count, numberReady: count, numberAvailable: count, updatedNumberScheduled: count, numberMisscheduled: 0 };
      await this.#server.expect("PATCH", `${path}/${metadata.name}/status`, { body: { status }, contentType: "application/merge-patch+json" });
    }
  }

  async close(): Promise<void> {
    await this.#etcd.close();
  }
}

function node(index: number) {
  const name = nodeName(index);
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": `zone-${index % 3}` } },
    spec: { podCIDR: `${podAddress(index, -10)}/24`, podCIDRs: [`${podAddress(index, -10)}/24`] },
    status: {
      capacity: { cpu: "8", memory: "32Gi", pods: "110" },
      allocatable: { cpu: "7800m", memory: "30Gi", pods: "110" },
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" }],
      addresses: [{ type: "InternalIP", address: nodeAddress(index) }, { type: "Hostname", address: name }],
      nodeInfo: { kubeletVersion: "v1.35.4", operatingSystem: "linux", architecture: "amd64" },
      images: Array.from({ length: IMAGES }, (_, image) => ({ names: [`registry.example/team/image-${image}@sha256:${"0".repeat(64)}`], sizeBytes: 50_000_000 })),
    },
  };
}

function pod(index: number, number: number) {
  const address = podAddress(index, number);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `web-${index}-${number}`, namespace: namespaceName(index + number), labels: { app: "web", tier: number % 2 === 0 ? "front" : "back" } },
    spec: { nodeName: nodeName(index), serviceAccountName: "default", containers: [{ name: "web", image: "registry.example/team/image-1" }] },
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }], hostIP: nodeAddress(index), podIP: address, podIPs: [{ ip: address }] },
  };
}

function sensorPod(index: number) {
  const address = nodeAddress(index);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: sensorPodName(index), namespace: INSTALL_NAMESPACE, labels: { "app.kubernetes.io/name": "flowreset", "app.kubernetes.io/component": "sensor", "flowreset.io/fleet": FLEET } },
    spec: { nodeName: nodeName(index), hostNetwork: true, serviceAccountName: SENSOR_ACCOUNT, containers: [{ name: "sensor", image: "registry.example/flowreset:bench" }] },
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }], hostIP: address, podIP: address, podIPs: [{ ip: address }] },
  };
}

function policy(index: number) {
  return {
    apiVersion: "flowreset.io/v1alpha1",
    kind: "ResponsePolicy",
    metadata: { name: `policy-${String(index).padStart(4, "0")}`, namespace: namespaceName(index) },
    spec: {
      mode: index % 4 === 0 ? "Enforce" : "Observe",
      severity: "High",
      subject: { podSelector: { matchLabels: { app: "web", tier: index % 2 === 0 ? "front" : "back" } } },
      rules: [
        {
          name: "exploit",
          ports: ["80", "8000-8999"],
          direction: "Inbound",
          signature: { rules: [`alert tcp any any -> any any (msg:"exploit ${index}"; content:"attack-${index}"; sid:${1_000_000 + index};)`] },
        },
      ],
      respond: { reset: { hold: "60s" } },
    },
  };
}
