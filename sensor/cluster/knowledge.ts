/** What this sensor knows of its cluster, wherever it came from: the API server's watches, or the node's disk. */
import { isDeepStrictEqual } from "node:util";
import { parseAddress, selects } from "../../crds/mod.ts";
import type { Placement, Remark } from "../../crds/mod.ts";
import type { KubeObject } from "../../kube/mod.ts";
import type { ClusterView, PodIdentity } from "../decide/mod.ts";
import type { PolicySnapshot } from "../policy/mod.ts";
import { Fleet } from "./fleet.ts";
import { LastGoodObjects } from "./lastGood.ts";
import type { WatchedObject } from "./lastGood.ts";
import { MAX_NAMESPACES } from "./limits.ts";
import { machineIdentity, machineStartMs } from "./machine.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import { PodTable } from "./podTable.ts";
import type { HostInterface } from "./podTable.ts";
import type { ClusterState } from "./stateFile.ts";

export interface KnowledgeOptions {
  readonly node: string;
  readonly fleet: string;
  /** Of this machine's Node object, by the pod's token; undefined where that is not told. */
  readonly nodeUid?: string | undefined;
  /** What a later room finds wrong in a valid object. */
  readonly check: Placement["check"];
  /** Interface behind which an address lives (words as in packets), 0 where unknown. */
  readonly homeOf: (words: readonly number[]) => number;
  readonly interfaces: () => readonly (HostInterface & { readonly addresses: readonly string[] })[];
}

const NEIGHBOURS_UNKNOWN: Remark = {
  file: "protected endpoints", line: 0, column: 0, field: "",
  message: "Let the sensor list services and endpointslices: what must be spared around this node is not known yet",
};

interface NodeFacts {
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
}

/** Whether they say the same, where they are of the same SensorFleet: whose `enforceable` it is does not show. */
export function isSameView({ enforceable: _, ...view }: ClusterView, { enforceable: __, ...other }: ClusterView): boolean {
  return isDeepStrictEqual(view, other);
}

export class Knowledge {
  readonly policies: LastGoodObjects;
  readonly fleet: Fleet;
  readonly pods: PodTable;
  readonly namespaces = new Map<string, Readonly<Record<string, string>>>();
  node: NodeFacts = { uid: "", labels: {}, addresses: [] };
  readonly #options: KnowledgeOptions;
  readonly #neighbourhood: Neighbourhood;
  readonly #machine = machineIdentity();
  #version = 0;

  constructor(options: KnowledgeOptions, neighbourhood: Neighbourhood) {
    this.#options = options;
    this.#neighbourhood = neighbourhood;
    this.policies = new LastGoodObjects(options.check);
    this.fleet = new Fleet(options.fleet);
    this.pods = new PodTable({ homeOf: (address) => this.#homeOf(address), nowMs: () => Date.now(), machineStartMs: machineStartMs() });
    this.pods.onInterfaces(options.interfaces());
  }

  nameNamespace(name: string, labels: Readonly<Record<string, string>>): void {
    if (this.namespaces.size < MAX_NAMESPACES || this.namespaces.has(name)) this.namespaces.set(name, labels);
  }

  /** @param all that there are now: of those that found no room one has it */
  removeNamespace(name: string, all: ReadonlyMap<string, KubeObject>): void {
    this.namespaces.delete(name);
    this.#fillNamespaces(all);
  }

  /** All that there are: others are gone. */
  retainNamespaces(all: ReadonlyMap<string, KubeObject>): void {
    for (const name of this.namespaces.keys()) if (!all.has(name)) this.namespaces.delete(name);
    this.#fillNamespaces(all);
  }

  /** What is in force now, as policies of a directory are told. */
  snapshot(): PolicySnapshot {
    const settings = this.fleet.settings();
    const { remarks } = this.fleet;
    const unknown = this.#neighbourhood.isKnown ? [] : [NEIGHBOURS_UNKNOWN];
    const missing = [...(settings === undefined ? [`SensorFleet ${this.#options.fleet}`] : []), ...unknown.map(({ file }) => file)];
    return {
      objects: [...(settings === undefined ? [] : [settings]), ...this.policies.objects()],
      problems: [...unknown, ...remarks.problems(), ...this.policies.problems()],
      notes: [...remarks.notes(), ...this.policies.notes()],
      version: ++this.#version,
      stale: [...remarks.stale(), ...this.policies.stale()],
      withheld: [...missing.map((file) => ({ file, kinds: ["SensorSettings" as const] })), ...this.policies.withheld()],
      isReadable: true,
    };
  }

  view(isLive: boolean): ClusterView {
    const { enforceNamespaces } = this.fleet.spec ?? {};
    const pods = this.pods.pods();
    const nodeAddresses = [...new Set([...this.node.addresses, ...this.#options.interfaces().flatMap(({ addresses }) => addresses)])];
    return {
      nodeLabels: this.node.uid === "" ? undefined : this.node.labels,
      namespaces: new Map(this.namespaces),
      pods: pods satisfies PodIdentity[],
      isLive,
      enforceable: (namespace) => enforceNamespaces === undefined || selects(enforceNamespaces, this.namespaces.get(namespace)),
      podCidrs: this.#neighbourhood.podCidrs(),
      protectedCalls: this.#neighbourhood.calls({ nodeAddresses, pods, internalCidrs: this.fleet.internalCidrs }),
    };
  }

  /** From the disk. Returns what is wrong with it: then nothing was taken. */
  restore(state: ClusterState): string | undefined {
    const { node, fleet, nodeUid } = this.#options;
    if (state.node !== node || state.fleet !== fleet) {
      return `Cannot use the state of another sensor, expected node ${node} and fleet ${fleet}: current ones are ${state.node} and ${state.fleet}`;
    }
    if (nodeUid !== undefined && state.nodeUid !== nodeUid) {
      return `Cannot use the state of another cluster, expected the Node ${node} with the uid ${nodeUid}: current one is ${state.nodeUid}`;
    }
    for (const object of state.objects as WatchedObject[]) {
      if (object.kind === "SensorFleet") this.fleet.take(object);
      else this.policies.take(object);
    }
    for (const [name, labels] of Object.entries(state.namespaces)) this.nameNamespace(name, labels);
    this.node = { uid: state.nodeUid, labels: state.nodeLabels, addresses: state.nodeAddresses };
    // Interfaces of another boot, or of another network, are others.
    if (state.machine === this.#machine) this.pods.restore(state.pods, state.bindings);
    if (state.isObserveOnly === true) this.fleet.restoreObserveOnly();
    this.#neighbourhood.stream = state.stream;
    this.#neighbourhood.restore(state.neighbours);
    return undefined;
  }

  /** For the disk. @param contactMs when the API server was last heard */
  state(contactMs: number): Omit<ClusterState, "version"> {
    return {
      node: this.#options.node,
      fleet: this.#options.fleet,
      machine: this.#machine,
      contactMs,
      objects: [...this.fleet.sources(), ...this.policies.sources()] as ClusterState["objects"],
      namespaces: Object.fromEntries(this.namespaces),
      nodeLabels: this.node.labels,
      nodeUid: this.node.uid,
      nodeAddresses: [...this.node.addresses],
      isObserveOnly: this.fleet.isObserveOnly,
      stream: this.#neighbourhood.stream,
      neighbours: this.#neighbourhood.neighbours,
      pods: this.pods.pods().map(({ interfaceIndex: _, ...pod }) => ({ ...pod, addresses: [...pod.addresses], probePorts: [...pod.probePorts] })),
      bindings: this.pods.bindings(),
    };
  }

  #fillNamespaces(all: ReadonlyMap<string, KubeObject>): void {
    if (all.size > this.namespaces.size) for (const { metadata: { name, labels = {} } } of all.values()) this.nameNamespace(name, labels);
  }

  #homeOf(address: string): number {
    const words = parseAddress(address)?.words;
    return words === undefined ? 0 : this.#options.homeOf(words);
  }
}
