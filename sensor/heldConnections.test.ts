import { describe, expect, it } from "vitest";
import { TcpFlag } from "./decode/mod.ts";
import { policy, settings } from "./decide/objects.fixture.ts";
import { heardOf, NodeWorld, type Pod, START_MS, UPLINK } from "./node.fixture.ts";

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

  constructor(text: string, { isClient } = { isClient: false }) {
    this.node = new NodeWorld([text]);
    this.node.hearTopology([red()]);
    this.node.hearPods([heardOf(red())]);
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
});
