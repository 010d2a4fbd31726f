/** The cluster of two nodes on one machine, as tests use it: what it is made of, and how parts of it are broken. */
import { readFileSync } from "node:fs";
import { ApiServer } from "./apiServer.ts";
import { cacheFolder } from "./binaries/binaries.ts";
import { ClusterNode } from "./clusterNode.ts";
import type { NodeState } from "./clusterNode.ts";
import { ControlPlane } from "./controlPlane/controlPlane.ts";
import type { CommandName } from "./binaries/goModule.ts";
import { Machine } from "./machine/machine.ts";
import type { CommandResult, MachineState } from "./machine/machine.ts";
import { listOf, POD_RANGES, SERVICE_ADDRESS, SERVICE_RANGES, SITE_ADDRESS } from "./machine/network.ts";
import type { PodNetwork } from "./machine/podNetwork.ts";

/** What is written down once all is up. */
export interface ClusterState {
  readonly podNetwork: PodNetwork;
  readonly binaries: Readonly<Record<CommandName, string>>;
  readonly site: MachineState;
  readonly outside: MachineState;
  readonly nodes: readonly NodeState[];
}

/** One cluster a machine, in one place, so that it is found again. */
export const clusterFolder = (): string => `${cacheFolder()}/cluster`;
export const stateFile = (): string => `${clusterFolder()}/state.json`;

/** A running container, reached from its node: its image needs no tool. */
export interface PodProcess {
  readonly node: ClusterNode;
  /** As the node counts. */
  readonly pid: number;
  /** Runs a command of this machine in the pod's network namespace: `ss -tn`. */
  run(command: readonly string[]): Promise<CommandResult>;
  /** SIGKILL to the process, as a crash. */
  kill(): Promise<void>;
}

export class Cluster {
  readonly podNetwork: PodNetwork;
  readonly kubeconfigPath: string;
  /** Asks as the administrator, through kubectl and by itself. */
  readonly api: ApiServer;
  readonly nodes: readonly ClusterNode[];
  /** Somewhere in the world, at OUTSIDE: reaches node ports, and pods reach it. */
  readonly outside: Machine;
  /** Where etcd, the API server, the controller manager and the scheduler run. */
  readonly site: Machine;
  /** Paths of the programs, of the cluster's own version. */
  readonly programs: ClusterState["binaries"];
  readonly #controlPlane: ControlPlane;

  constructor(state: ClusterState) {
    this.podNetwork = state.podNetwork;
    this.site = new Machine(state.site);
    this.outside = new Machine(state.outside);
    this.nodes = state.nodes.map((node) => new ClusterNode(node, state.binaries));
    this.programs = state.binaries;
    this.#controlPlane = controlPlaneOf(this.site, state.binaries);
    this.kubeconfigPath = this.#controlPlane.kubeconfigPath;
    this.api = new ApiServer({
      kubeconfigPath: this.kubeconfigPath,
      kubectl: state.binaries.kubectl,
      pki: `${clusterFolder()}/control/pki`,
      auditLogPath: this.#controlPlane.auditLogPath,
    });
  }

  /** The cluster that is up, or undefined. */
  static running(): Cluster | undefined {
    let text: string;
    try {
      text = readFileSync(stateFile(), "utf8");
    } catch {
      return undefined;
    }
    const cluster = new Cluster(JSON.parse(text) as ClusterState);
    return [cluster.site, cluster.outside, ...cluster.nodes].every((machine) => machine.isUp()) ? cluster : undefined;
  }

  /** @throws where there is no node of that name. */
  node(name: string): ClusterNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`Name a node of the cluster (${this.nodes.map((node) => node.name).join(", ")}): current value is ${name}`);
    return found;
  }

  /** Runs Helm as the administrator. @returns its standard output. @throws with what it said where it fails. */
  helm(...args: readonly string[]): Promise<string> {
    return this.api.runProgram(this.programs.helm, args);
  }

  /**
   * Takes an OCI archive in on every node, under `name` with its registry ("docker.io/library/" where pods name none);
   * pods use it with imagePullPolicy IfNotPresent or Never. @returns its digest, for `name@sha256:...`.
   */
  async importImage(archive: string, name: string): Promise<string> {
    const digests = await Promise.all(this.nodes.map((node) => node.importImage(archive, name)));
    return digests[0]!;
  }

  /** The process of a pod's container (the first unless named). @throws where it does not run. */
  async podProcess(namespace: string, name: string, container?: string): Promise<PodProcess> {
    const pod = await this.api.expect("GET", `/api/v1/namespaces/${namespace}/pods/${name}`);
    const statuses = (pod.status.containerStatuses ?? []) as { name: string; containerID?: string }[];
    const id = statuses.find((status) => container === undefined || status.name === container)?.containerID?.replace("containerd://", "");
    const node = this.node(pod.spec.nodeName);
    const pid = id === undefined ? undefined : await node.processOf(id);
    if (pid === undefined) throw new Error(`Wait until the pod ${namespace}/${name} runs: its phase is ${pod.status.phase}`);
    return {
      node,
      pid,
      run: (command) => node.run(command, {}, `/proc/${pid}/ns/net`),
      kill: async () => void (await node.run(["kill", "-KILL", String(pid)])),
    };
  }

  /** SIGKILL cuts every connection to it at once. */
  stopApiServer(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    return this.site.stop("kube-apiserver", signal);
  }

  startApiServer(): Promise<void> {
    return this.#controlPlane.startApiServer();
  }

  stopEtcd(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    return this.site.stop("etcd", signal);
  }

  startEtcd(): Promise<void> {
    return this.#controlPlane.startEtcd();
  }

  /** The controller manager and the scheduler end when they cannot reach the API server for long; this starts them again. */
  async startControllers(): Promise<void> {
    await this.#controlPlane.startControllerManager();
    await this.#controlPlane.startScheduler();
  }
}

export function controlPlaneOf(site: Machine, binaries: ClusterState["binaries"]): ControlPlane {
  return new ControlPlane({
    directory: `${clusterFolder()}/control`,
    programs: site,
    binaries,
    address: SITE_ADDRESS,
    ports: { api: 6443, etcd: 2379, etcdPeer: 2380 },
    serviceRange: listOf(SERVICE_RANGES),
    serviceAddress: SERVICE_ADDRESS,
    podRange: listOf(POD_RANGES),
  });
}
