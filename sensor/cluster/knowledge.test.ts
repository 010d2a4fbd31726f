import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../kube/mod.ts";
import { Knowledge } from "./knowledge.ts";
import { MAX_NAMESPACES } from "./limits.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import type { ClusterState } from "./stateFile.ts";

const OF_CLUSTER = { group: "flowreset.io/v1alpha1", kind: "ResponsePolicy" };
const enforce = { apiVersion: OF_CLUSTER.group, kind: OF_CLUSTER.kind, metadata: { name: "a", namespace: "shop", uid: "u", generation: 1 }, spec: { mode: "Enforce", rules: [{ name: "r", ports: ["80"], connection: {} }] } };
const fleetOf = (spec: object, generation = 1) => ({ apiVersion: OF_CLUSTER.group, kind: "SensorFleet", metadata: { name: "default", uid: "f", generation }, spec });

/** What a sensor knows with watches that have told nothing yet, or have told all. */
class World {
  readonly watch = { isSynced: false, objects: new Map<string, KubeObject>() };
  readonly neighbourhood = new Neighbourhood({ apiServers: this.watch, nameServers: this.watch }, "https://10.96.0.1:443");
  readonly knowledge: Knowledge;

  constructor(nodeUid?: string) {
    this.knowledge = new Knowledge({ node: "n1", fleet: "default", nodeUid, check: undefined, homeOf: () => 0, interfaces: () => [] }, this.neighbourhood);
  }

  hear(addresses: readonly string[]): void {
    this.watch.isSynced = true;
    for (const address of addresses) this.watch.objects.set(address, { apiVersion: "v1", kind: "EndpointSlice", metadata: { name: address }, addresses: [address], ports: [6443] } as KubeObject);
    this.neighbourhood.services = { apiService: undefined, nameServices: [], healthCheckPorts: [] };
  }

  get spared(): string {
    return JSON.stringify(this.knowledge.view(true).protectedCalls);
  }

  /** As the next sensor on this node finds it. */
  restarted(change: Partial<ClusterState> = {}): World {
    const next = new World();
    const state = JSON.parse(JSON.stringify({ version: 1, ...this.knowledge.state(5), ...change })) as ClusterState;
    expect(next.knowledge.restore(state)).toBeUndefined();
    return next;
  }
}

describe("a sensor that starts from the disk", () => {
  it("spares the API servers and name servers that the last one knew", () => {
    const world = new World();
    world.hear(["192.0.2.9"]);
    const next = world.restarted();
    expect(next.spared).toContain('{"as":"ApiServer","to":["192.0.2.9/32"],"ports":["6443"]}');
    expect(next.spared).toMatch(/"to":\["192\.0\.2\.9\/32"[^\]]*\],"ports":\["53"\]/);
  });

  it("spares those that the API server names as soon as it does", () => {
    const world = new World();
    world.hear(["192.0.2.9"]);
    const next = world.restarted();
    next.hear(["192.0.2.10"]);
    expect(next.spared).toContain("192.0.2.10/32");
    expect(next.spared).not.toContain("192.0.2.9/32");
  });

  it("enforces nothing where an older sensor kept nothing of them", () => {
    const world = new World();
    world.hear([]);
    world.knowledge.fleet.take(fleetOf({}));
    expect(world.restarted().knowledge.snapshot().withheld).toEqual([]);
    expect(world.restarted({ neighbours: undefined }).knowledge.snapshot()).toMatchObject({ withheld: [{ file: "protected endpoints", kinds: ["SensorSettings"] }], problems: [{ file: "protected endpoints" }] });
  });

  it("keeps the emergency stop, also of a fleet that cannot be read otherwise, until the API server ends it", () => {
    const world = new World();
    world.knowledge.fleet.take(fleetOf({ enforcement: "Enabled" }));
    world.knowledge.fleet.take(fleetOf({ enforcement: "ObserveOnly", maxPolicyAge: 7 }, 2));
    const { fleet } = world.restarted().knowledge;
    expect(fleet.isObserveOnly).toBe(true);
    fleet.take(fleetOf({ enforcement: "Enabled" }, 3));
    expect(fleet.isObserveOnly).toBe(false);
  });
});

it.each([
  ["of the Node object", "9a", undefined],
  ["of a Node object that no token names", undefined, undefined],
  ["of another Node object with the same name, as of another cluster", "7b", "Cannot use the state of another cluster, expected the Node n1 with the uid 7b: current one is 9a"],
])("a state %s is taken, or refused whole", (_, nodeUid, fault) => {
  const before = new World();
  before.knowledge.node = { uid: "9a", labels: {}, addresses: [] };
  before.knowledge.policies.take(enforce);
  const { knowledge } = new World(nodeUid);
  expect(knowledge.restore({ version: 1, ...before.knowledge.state(5) })).toBe(fault);
  expect(knowledge.policies.objects()).toHaveLength(fault === undefined ? 1 : 0);
});

describe("what is not known yet", () => {
  it("keeps every policy from enforcing while it is what must be spared", () => {
    const world = new World();
    world.knowledge.fleet.take(fleetOf({}));
    world.knowledge.policies.take(enforce);
    expect(world.knowledge.snapshot().withheld).toHaveLength(1);
    world.hear([]);
    expect(world.knowledge.snapshot().withheld).toEqual([]);
  });

  it.each([
    ["that asks for a label", { matchExpressions: [{ key: "team", operator: "Exists" }] }],
    ["that asks for the absence of one", { matchExpressions: [{ key: "observe", operator: "DoesNotExist" }] }],
    ["that asks for another value", { matchExpressions: [{ key: "team", operator: "NotIn", values: ["red"] }] }],
  ])("lets a namespace without known labels enforce under no enforceNamespaces %s", (_, enforceNamespaces) => {
    const { knowledge } = new World();
    knowledge.fleet.take(fleetOf({ enforceNamespaces }));
    expect(knowledge.view(true).enforceable("shop")).toBe(false);
    knowledge.nameNamespace("shop", { team: "blue" });
    expect(knowledge.view(true).enforceable("shop")).toBe(true);
  });

  it("fits no nodeSelector while it is the node's labels", () => {
    const { knowledge } = new World();
    expect(knowledge.view(true).nodeLabels).toBeUndefined();
    knowledge.node = { uid: "n", labels: {}, addresses: [] };
    expect(knowledge.view(true).nodeLabels).toEqual({});
  });
});

it("namespaces that found no room are taken when others go", () => {
  const { knowledge } = new World();
  const all = new Map(Array.from({ length: MAX_NAMESPACES + 1 }, (_, index): [string, KubeObject] => [`n${index}`, { apiVersion: "v1", kind: "Namespace", metadata: { name: `n${index}`, labels: { number: String(index) } } }]));
  knowledge.retainNamespaces(all);
  expect([knowledge.namespaces.size, knowledge.namespaces.get(`n${MAX_NAMESPACES}`)]).toEqual([MAX_NAMESPACES, undefined]);
  all.delete("n7");
  knowledge.removeNamespace("n7", all);
  expect([knowledge.namespaces.has("n7"), knowledge.namespaces.get(`n${MAX_NAMESPACES}`)]).toEqual([false, { number: String(MAX_NAMESPACES) }]);
});
