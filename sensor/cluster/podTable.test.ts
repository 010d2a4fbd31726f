import { describe, expect, it } from "vitest";
import type { HostInterface } from "./podTable.ts";
import { PodTable } from "./podTable.ts";
import { MAX_PODS } from "./limits.ts";
import { podOf } from "./pod.ts";
import type { Pod } from "./pod.ts";

const OLD: HostInterface = { index: 5, name: "vethold", hardwareAddress: "0a0000000005" };
const NEW: HostInterface = { index: 9, name: "vethnew", hardwareAddress: "0a0000000009" };
const SAME_INDEX: HostInterface = { index: 5, name: "vethnew", hardwareAddress: "0a0000000007" };

function pod(name: string, readySeconds: number, addresses = ["10.244.1.7"]): Pod {
  return { uid: name, namespace: "shop", name, labels: {}, serviceAccount: "default", addresses, networkReadyMs: readySeconds * 1_000, probePorts: [] };
}

/** A node whose clock and tables the test moves. */
class World {
  readonly homes = new Map<string, number>();
  seconds = 100;
  readonly table: PodTable;

  constructor(machineStartMs = 0) {
    this.table = new PodTable({ homeOf: (address) => this.homes.get(address) ?? 0, nowMs: () => this.seconds * 1_000, machineStartMs });
  }

  /** Interfaces, and behind which of them the address lives. */
  see(seconds: number, interfaces: readonly HostInterface[], home: number): void {
    this.seconds = seconds;
    this.homes.set("10.244.1.7", home);
    this.table.onInterfaces(interfaces);
  }

  /** `pod index` of all pods. */
  owners(): string[] {
    return this.table.pods().map(({ name, interfaceIndex }) => `${name} ${interfaceIndex}`);
  }
}

describe("a pod is its interface, not its address", () => {
  it("binds a pod to the interface that the kernel names for its address", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("a", pod("a", 90));
    expect(world.owners()).toEqual(["a 5"]);
  });

  it("tells what is news: not a status in which nothing changed for us", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    expect(world.table.take("a", pod("a", 90))).toBe(true);
    expect(world.table.take("a", pod("a", 90))).toBe(false);
    expect(world.table.take("a", pod("a", 91))).toBe(true);
    expect(world.table.take("a", { ...pod("a", 91), labels: { app: "a" } })).toBe(true);
  });

  it("tells as news what only now got its interface", () => {
    const world = new World();
    world.see(100, [OLD], 0);
    world.table.take("a", pod("a", 90));
    world.homes.set("10.244.1.7", 5);
    expect(world.table.take("a", pod("a", 90))).toBe(true);
  });

  it("never lends a pod the interface of the next owner of its address, whatever late word of it arrives", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("a", pod("a", 90));
    world.see(200, [NEW], 9);
    world.table.bind();
    expect(world.owners()).toEqual(["a 0"]);
    world.table.take("a", pod("a", 90)); // A status of yesterday, told late.
    expect(world.owners()).toEqual(["a 0"]);
    world.table.take("b", pod("b", 200));
    expect(world.owners()).toEqual(["a 0", "b 9"]);
  });

  it("measures how long a new pod's interface was nobody's", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("a", pod("a", 90));
    world.see(200, [OLD, NEW], 9);
    world.seconds = 203;
    world.table.take("b", pod("b", 201, ["10.244.1.7"]));
    expect(world.table.gapsMs).toEqual([3_000]);
  });

  it("knows an index that was given again by name and hardware address", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("a", pod("a", 90));
    world.see(200, [SAME_INDEX], 5);
    world.table.bind();
    expect(world.owners()).toEqual(["a 0"]);
  });

  it("takes a new interface of the same pod when the kubelet says that its network is as new", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("a", pod("a", 90));
    world.see(200, [NEW], 9);
    world.table.take("a", pod("a", 200));
    expect(world.owners()).toEqual(["a 9"]);
  });

  it("believes in no address of before its start while another pod has not told its own", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("silent", pod("silent", 0, []));
    world.table.take("a", pod("a", 90));
    expect(world.owners()).toContain("a 0");
    world.see(111, [OLD], 5);
    expect(world.table.bind()).toBe(true);
    expect(world.owners()).toContain("a 5");
  });

  it("binds no pod to an interface that was there before the kubelet began with it", () => {
    const world = new World();
    world.see(100, [], 0);
    world.see(200, [OLD], 5);
    world.table.take("b", { ...pod("b", 203), startedMs: 202_000 });
    expect(world.owners()).toEqual(["b 0"]);
    world.see(203, [NEW], 9);
    world.table.bind();
    expect(world.owners()).toEqual(["b 9"]);
  });

  it("gives no pod of before the machine's start an interface that it found there, until the kubelet tells of it anew", () => {
    const world = new World(150_000);
    world.see(200, [OLD], 5);
    world.table.take("a", pod("a", 90));
    expect(world.owners()).toEqual(["a 0"]);
    world.table.take("b", pod("b", 170));
    expect(world.owners()).toEqual(["a 0", "b 5"]);
  });

  it("waits for the home of an address that the kernel does not know yet", () => {
    const world = new World();
    world.see(100, [OLD], 0);
    world.table.take("a", pod("a", 90));
    expect(world.owners()).toEqual(["a 0"]);
    world.see(101, [OLD], 5);
    world.table.bind();
    expect(world.owners()).toEqual(["a 5"]);
  });

  it("names the addresses whose home is to be found out", () => {
    const world = new World();
    world.see(100, [OLD], 0);
    world.table.take("a", pod("a", 90));
    expect(world.table.homeless()).toEqual(["10.244.1.7"]);
    world.see(101, [OLD], 5);
    world.table.bind();
    world.see(102, [OLD], 0);
    expect(world.table.homeless()).toEqual([]);
  });

  it("keeps what it is bound to while the neighbour table has forgotten the address", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("a", pod("a", 90));
    world.see(101, [OLD], 0);
    expect(world.owners()).toEqual(["a 5"]);
  });

  it("stands for nothing while the kernel says that the address lives elsewhere", () => {
    const world = new World();
    world.see(100, [OLD, NEW], 5);
    world.table.take("a", pod("a", 90));
    world.see(101, [OLD, NEW], 9);
    world.table.bind();
    expect(world.owners()).toEqual(["a 0"]);
  });

  it("believes neither of two pods that claim one interface", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("a", pod("a", 90));
    world.table.take("b", pod("b", 90));
    expect(world.owners()).toEqual(["a 0", "b 0"]);
    world.table.remove("a");
    expect(world.owners()).toEqual(["b 5"]);
  });

  it("leaves out an address that lives behind another interface than the pod's first", () => {
    const world = new World();
    world.homes.set("fd00::7", 9);
    world.see(100, [OLD, NEW], 5);
    world.table.take("a", pod("a", 90, ["10.244.1.7", "fd00::7"]));
    expect(world.table.pods()[0]).toMatchObject({ addresses: ["10.244.1.7"], interfaceIndex: 5 });
  });

  it.each([["10.244.1.7", "fd00::7"], ["fd00::7", "10.244.1.7"]])("binds both addresses of a dual-stack pod to its interface, whichever home is found first (%s)", (first, second) => {
    const world = new World();
    world.see(100, [OLD], 0);
    world.homes.set(first, 5);
    world.table.take("a", pod("a", 90, ["10.244.1.7", "fd00::7"]));
    expect(world.table.pods()[0]).toMatchObject({ addresses: [first], interfaceIndex: 5 });
    expect(world.table.homeless()).toEqual([second]);
    world.homes.set(second, 5);
    expect(world.table.bind()).toBe(true);
    expect(world.table.pods()[0]).toMatchObject({ addresses: ["10.244.1.7", "fd00::7"], interfaceIndex: 5 });
    expect(world.table.homeless()).toEqual([]);
  });

  it("comes back from the disk with the bindings of before, and with no other", () => {
    const before = new World();
    before.see(100, [OLD], 5);
    before.table.take("a", pod("a", 90));
    before.table.take("late", pod("late", 95, ["10.244.1.8"]));
    const after = new World();
    after.see(300, [OLD, NEW], 5);
    after.homes.set("10.244.1.8", 9);
    after.table.restore([pod("a", 90), pod("late", 95, ["10.244.1.8"])], before.table.bindings());
    expect(after.owners()).toEqual(["a 5", "late 0"]);
    after.see(301, [NEW], 9);
    expect(after.owners()).toEqual(["a 0", "late 0"]);
  });

  it("binds a restored pod anew when the API server tells of it again and its old interface is gone", () => {
    const world = new World();
    world.see(300, [NEW], 9);
    world.table.restore([pod("a", 90), pod("gone", 90)], [{ uid: "a", address: "10.244.1.7", incarnation: "5 vethold 0a0000000005" }]);
    world.table.take("a", pod("a", 250));
    world.table.retain(new Set(["a"]));
    expect(world.owners()).toEqual(["a 9"]);
  });
});

describe("what of a Pod counts", () => {
  const running = { state: { running: { startedAt: "2026-01-01T00:00:05Z" } } };
  const ended = { state: { terminated: {} } };
  const raw = (spec: object, status: object, metadata: object = {}) => ({ metadata: { uid: "u", namespace: "shop", name: "web", ...metadata }, spec, status: { podIP: "10.244.1.7", ...status } });

  it.each([
    ["a host-network pod", raw({ hostNetwork: true }, { phase: "Running" })],
    ["a finished pod", raw({}, { phase: "Succeeded" })],
    ["a failed pod", raw({}, { phase: "Failed" })],
    ["a pod being deleted whose containers have ended", raw({}, { phase: "Running", containerStatuses: [ended] }, { deletionTimestamp: "2026-01-01T00:00:00Z" })],
  ])("%s owns nothing", (_, object) => {
    expect(podOf(object)).toBeUndefined();
  });

  it("a pod being deleted owns its address while a container runs", () => {
    const object = raw({}, { phase: "Running", containerStatuses: [ended, running] }, { deletionTimestamp: "2026-01-01T00:00:00Z" });
    expect(podOf(object)).toMatchObject({ addresses: ["10.244.1.7"] });
  });

  it("takes the latest word of the kubelet on its network", () => {
    const conditions = [{ type: "PodReadyToStartContainers", status: "True", lastTransitionTime: "2026-01-01T00:00:02Z" }];
    expect(podOf(raw({}, { conditions, containerStatuses: [running] }))?.networkReadyMs).toBe(Date.parse("2026-01-01T00:00:05Z"));
    expect(podOf(raw({}, { conditions: [{ ...conditions[0]!, status: "False" }] }))?.networkReadyMs).toBe(0);
  });

  it("knows the ports that the kubelet probes, by number and by name", () => {
    const containers = [
      { ports: [{ name: "http", containerPort: 8080 }], readinessProbe: { httpGet: { port: "http" } }, livenessProbe: { tcpSocket: { port: 9000 } } },
      { startupProbe: { grpc: { port: 50_051 } }, livenessProbe: { exec: {} } },
    ];
    expect(podOf(raw({ containers }, {}))?.probePorts).toEqual([8080, 9000, 50_051]);
  });

  it("takes both addresses of a dual-stack pod, each once", () => {
    expect(podOf(raw({}, { podIPs: [{ ip: "10.244.1.7" }, { ip: "fd00::7" }] }))?.addresses).toEqual(["10.244.1.7", "fd00::7"]);
  });
});

describe("the pod that has an address", () => {
  it("is of two the one that shows at its interface, and until that is known the one that had it", () => {
    const world = new World();
    world.see(100, [OLD], 5);
    world.table.take("a", pod("a", 90));
    world.see(200, [NEW], 9);
    expect(world.table.ownerOf("10.244.1.7")?.uid).toBe("a");
    world.table.take("b", pod("b", 200));
    expect(world.table.ownerOf("10.244.1.7")?.uid).toBe("b");
    world.table.remove("a");
    world.table.remove("b");
    expect(world.table.ownerOf("10.244.1.7")).toBeUndefined();
  });
});

describe("a node with more pods than are followed", () => {
  it("takes those that found no room when others go", () => {
    const world = new World();
    const all = new Map(Array.from({ length: MAX_PODS + 2 }, (_, index) => [`shop/p${index}`, { pod: pod(`p${index}`, 90, []) }]));
    for (const each of all.values()) world.table.take(each.pod.uid, each.pod);
    expect(world.owners()).not.toContain(`p${MAX_PODS} 0`);
    for (const gone of ["p0", "p1"]) {
      all.delete(`shop/${gone}`);
      world.table.remove(gone);
      world.table.fill(all);
    }
    expect(world.table.size).toBe(MAX_PODS);
    expect(world.owners()).toEqual(expect.arrayContaining([`p${MAX_PODS} 0`, `p${MAX_PODS + 1} 0`]));
  });
});
