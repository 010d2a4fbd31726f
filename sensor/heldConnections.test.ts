import { describe, expect, it } from "vitest";
import { TcpFlag } from "./decode/mod.ts";
import { policy, settings } from "./decide/objects.fixture.ts";
import { heardOf, NODE_ADDRESS, NodeWorld, type Pod, START_MS, UPLINK } from "./node.fixture.ts";

const RED = "10.244.1.7";
const OUTSIDE = "203.0.113.9";
const rules = ["{name: r, signature: {rules: ['alert tcp any any -> any any (content:\"EVIL\"; sid:1;)']}}"];
const hold = "respond: {reset: {hold: 1h}}";

const red = (more: Partial<Pod> = {}): Pod => ({ uid: "red-1", namespace: "red", labels: { app: "web" }, address: RED, readyMs: START_MS - 60_000, index: 7, ...more });
const written = (of: object, ...spec: readonly string[]) => policy({ ...of, spec, rules });
const reds = (...spec: readonly string[]) => written({ namespace: "red" }, ...spec);
const clusters = (...spec: readonly string[]) => written({ cluster: true }, ...spec);

/** A node whose policy has just cut a connection of its pod's, and holds the next ones. */
class Held {
  readonly node: NodeWorld;
  #port = 41_000;

  constructor(text: string, { isClient = false, isKnown = true } = {}) {
    this.node = new NodeWorld([text]);
    this.node.hearTopology([red()]);
    if (isKnown) this.node.hearPods([heardOf(red())]);
    if (isClient) this.node.talk(RED, 7, OUTSIDE, UPLINK, "EVIL");
    else this.node.talk(OUTSIDE, UPLINK, RED, 7, "EVIL");
    expect(this.node.drain().map((told) => told.split(" ")[0])).toEqual(["Reset"]);
  }

  /** Whether a new connection to the pod's address is refused. */
  refuses(index = 7): boolean {
    const before = this.#refused;
    this.node.pass({ from: OUTSIDE, to: RED, ports: [++this.#port, 80], flags: TcpFlag.Syn, sequence: this.#port }, UPLINK, index);
    return this.#refused > before;
  }

  /** Whether a new connection of the pod's address is refused. */
  refusesFrom(index = 7): boolean {
    const before = this.#refused;
    this.node.pass({ from: RED, to: OUTSIDE, ports: [++this.#port, 80], flags: TcpFlag.Syn, sequence: this.#port }, index, UPLINK);
    return this.#refused > before;
  }

  get #refused(): number {
    return this.node.pipeline.injector.counters.heldSyns;
  }
}

describe("what a policy holds", () => {
  it.each<[string, boolean, (node: NodeWorld) => void]>([
    ["goes on while its policy stays", true, (node) => node.renew()],
    ["goes on while another policy comes", true, (node) => node.write([policy({ name: "a", namespace: "red", rules }), reds("mode: Enforce", hold)])],
    ["ends with its policy", false, (node) => node.write([])],
    ["ends with its policy though another takes its place", false, (node) => node.write([policy({ name: "other", namespace: "red", spec: ["mode: Enforce", hold], rules })])],
    ["ends where its policy observes from now on", false, (node) => node.write([reds("mode: Observe", hold)])],
    ["ends where its policy holds nothing any more", false, (node) => node.write([reds("mode: Enforce")])],
    ["ends where its namespace may not enforce any more", false, (node) => {
      node.enforceable = () => false;
      node.renew();
    }],
    ["spares what is protected from now on", false, (node) => node.write([reds("mode: Enforce", hold)], { settings: settings({ protectedEndpoints: [{ cidr: `${RED}/32`, ports: ["80"] }] }) })],
  ])("%s", (_, isHeld, change) => {
    const held = new Held(reds("mode: Enforce", hold));
    expect(held.refuses()).toBe(true);
    change(held.node);
    expect(held.refuses()).toBe(isHeld);
  });

  it.each<[string, boolean]>([["a server", false], ["a client", true]])("for a pod as %s spares the next pod with its address, of a policy of the cluster too", (_, isClient) => {
    const held = new Held(clusters("mode: Enforce", hold), { isClient });
    const refuses = (index: number) => (isClient ? held.refusesFrom(index) : held.refuses(index));
    expect(refuses(7)).toBe(true);
    held.node.hearTopology([red({ uid: "heir", index: 9, readyMs: START_MS })]);
    expect(refuses(9)).toBe(false);
  });

  it("for a pod ends with its interface, of which the kernel may give the number to the next", () => {
    const held = new Held(clusters("mode: Enforce", hold));
    held.node.hearTopology([]);
    held.node.hearTopology([red({ uid: "heir", readyMs: START_MS })]);
    expect(held.refuses(7)).toBe(false);
  });

  it("for a pod of which the API server has not told yet spares the next one all the same", () => {
    const held = new Held(clusters("mode: Enforce", hold), { isKnown: false });
    expect(held.refuses(7)).toBe(true);
    held.node.hearTopology([red({ uid: "heir", index: 9, readyMs: START_MS })]);
    expect(held.refuses(9)).toBe(false);
  });
});

describe("what is held of a connection that the node translates", () => {
  const NODE_PORT = 30_080;

  /** Clients of the node's port, whom the pod sees under the node's address. */
  class Translated {
    readonly node: NodeWorld;
    #port = 61_000;

    constructor(text: string) {
      this.node = new NodeWorld([text]);
      this.node.hearTopology([red()]);
      this.node.hearPods([heardOf(red())]);
    }

    /** The client's packets of a handshake, and what it says; the pod's answers in between. */
    talk(client: string, isn: number, text: string): void {
      const port = ++this.#port;
      const { Syn, Ack } = TcpFlag;
      const to = (flags: number, more: object = {}): void => {
        this.node.see({ from: client, to: NODE_ADDRESS, ports: [40_000, NODE_PORT], flags, sequence: isn + 1, acknowledgement: isn + 70_001, timestamp: isn, ...more }, UPLINK, "in");
        this.node.see({ from: NODE_ADDRESS, to: RED, ports: [port, 80], flags, sequence: isn + 1, acknowledgement: isn + 70_001, timestamp: isn, ...more }, 7, "out");
      };
      to(Syn, { sequence: isn, acknowledgement: 0 });
      this.node.see({ from: RED, to: NODE_ADDRESS, ports: [80, port], flags: Syn | Ack, sequence: isn + 70_000, acknowledgement: isn + 1, timestamp: 5 }, 7, "in");
      this.node.see({ from: NODE_ADDRESS, to: client, ports: [NODE_PORT, 40_000], flags: Syn | Ack, sequence: isn + 70_000, acknowledgement: isn + 1, timestamp: 5 }, UPLINK, "out");
      to(Ack);
      to(Ack, { text });
    }

    /** Whether another connection of that client is refused. */
    refuses(client: string, isn: number): boolean {
      const { counters } = this.node.pipeline.injector;
      const before = counters.heldSyns;
      this.talk(client, isn, "hello");
      return counters.heldSyns > before;
    }
  }

  it.each<[string, string, boolean]>([["of the cluster", clusters("mode: Enforce", hold), true], ["of the pod's namespace, which could hold all of them only", reds("mode: Enforce", hold), false]])("spares the others behind the node's address, for a policy %s", (_, text, isHeld) => {
    const world = new Translated(text);
    world.talk(OUTSIDE, 1_000, "EVIL");
    expect(world.node.drain().map((told) => told.split(" ")[0])).toContain("Reset");
    expect(world.refuses("198.51.100.8", 200_000)).toBe(false);
    expect(world.refuses(OUTSIDE, 400_000)).toBe(isHeld);
  });

  it("is the pod behind the node's address, whichever of the two tuples was looked at", () => {
    // Either tuple alone is what the rule names.
    for (const rule of ["{name: r, connection: {phase: Established, client: {cidrs: [192.0.2.1/32]}}}", "{name: r, connection: {phase: Established, client: {cidrs: [10.244.1.7/32]}}}"]) {
      const node = new NodeWorld([policy({ cluster: true, spec: ["mode: Enforce", hold], rules: [rule] })]);
      node.hearTopology([red()]);
      node.hearPods([heardOf(red())]);
      const { Syn, Ack } = TcpFlag;
      const to = (port: number, flags: number, more: object): void => {
        node.see({ from: RED, to: OUTSIDE, ports: [port, 80], flags, sequence: 0, ...more }, 7, "in");
        node.see({ from: NODE_ADDRESS, to: OUTSIDE, ports: [port + 20_000, 80], flags, sequence: 0, ...more }, UPLINK, "out");
      };
      to(40_000, Syn, { sequence: 1_000 });
      node.see({ from: OUTSIDE, to: NODE_ADDRESS, ports: [80, 60_000], flags: Syn | Ack, sequence: 70_000, acknowledgement: 1_001 }, UPLINK, "in");
      node.see({ from: OUTSIDE, to: RED, ports: [80, 40_000], flags: Syn | Ack, sequence: 70_000, acknowledgement: 1_001 }, 7, "out");
      to(40_000, Ack, { sequence: 1_001, acknowledgement: 70_001, text: "hello" });
      expect(node.drain().map((told) => told.split(" ")[0])).toContain("Reset");
      to(40_001, Syn, { sequence: 500_000 });
      expect(node.pipeline.injector.counters.heldSyns).toBeGreaterThan(0);
    }
  });
});
