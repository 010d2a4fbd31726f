import { describe, expect, it } from "vitest";
import { TcpFlag } from "./decode/mod.ts";
import { compileTexts } from "./decide/objects.fixture.ts";
import { heardOf, NODE_ADDRESS, NodeWorld, type Pod, START_MS, UPLINK } from "./node.fixture.ts";
import { EventRecorder } from "./recorder.ts";
import { Counters } from "./report/mod.ts";
import { ResetRuns } from "./resetRuns.ts";
import type { RunLine } from "./resetRuns.ts";

const RED = "10.244.1.7";
const OUTSIDE = "203.0.113.9";
const { Syn, Ack } = TcpFlag;

const red = (more: Partial<Pod> = {}): Pod => ({ uid: "red-1", namespace: "red", labels: { app: "web" }, address: RED, readyMs: START_MS - 60_000, index: 7, ...more });

/** A FlowReset as YAML, of the cluster unless a namespace is given. */
function resetText(match: string, namespace?: string, hold = "1h"): string {
  const [kind, place] = namespace === undefined ? ["ClusterFlowReset", ""] : ["FlowReset", `, namespace: ${namespace}`];
  return `{apiVersion: flowreset.io/v1alpha1, kind: ${kind}, metadata: {name: kill${place}}, spec: {match: {${match}}, hold: ${hold}}}`;
}

/** FlowResets at work in the one Worker of a node. */
class World {
  readonly node = new NodeWorld([]);
  readonly stop = new Int32Array(new SharedArrayBuffer(4));
  readonly lines: RunLine[] = [];
  readonly #runs: ResetRuns;
  #run = 0;
  #port = 41_000;

  constructor(pods: readonly Pod[] = [red()]) {
    const { compiled } = compileTexts([]);
    const recorder = new EventRecorder(compiled, { ofPolicy: [], names: new Map() }, { counters: new Counters(), emit: () => true, nameOf: () => "" });
    recorder.table = this.node.pipeline.table;
    this.#runs = new ResetRuns({ pipeline: this.node.pipeline, recorder, stop: this.stop, tell: (_, line) => void this.lines.push(line) });
    this.node.hearTopology(pods);
    this.node.hearPods(pods.map((pod) => heardOf(pod)));
  }

  /** Runs it as the board has one Worker do; `client > server:port` of what it holds. */
  run(text: string): string[] {
    const { compiled } = compileTexts([text], { cluster: this.node.view, interfaces: this.node.interfaces });
    this.lines.length = 0;
    this.#runs.match(++this.#run, "kill", compiled);
    const [matched] = this.lines;
    const isSeen = matched?.type === "matched" && matched.connections.length > 0;
    this.#runs.start(this.#run, [], isSeen ? "no" : "hold", this.node.nowMs);
    return this.lines.flatMap((line) => (line.type === "held" ? [`${line.client} > ${line.server}:${line.serverPort}`] : []));
  }

  /** A connection of the pod's to the outside, which the node masquerades. */
  masqueraded(isn = 1_000): void {
    const { node } = this;
    const both = (flags: number, more: object = {}): void => {
      node.see({ from: RED, to: OUTSIDE, ports: [40_000, 80], flags, sequence: isn, ...more }, 7, "in");
      node.see({ from: NODE_ADDRESS, to: OUTSIDE, ports: [61_000, 80], flags, sequence: isn, ...more }, UPLINK, "out");
    };
    const back = (flags: number): void => {
      node.see({ from: OUTSIDE, to: NODE_ADDRESS, ports: [80, 61_000], flags, sequence: isn + 70_000, acknowledgement: isn + 1 }, UPLINK, "in");
      node.see({ from: OUTSIDE, to: RED, ports: [80, 40_000], flags, sequence: isn + 70_000, acknowledgement: isn + 1 }, 7, "out");
    };
    both(Syn);
    back(Syn | Ack);
    both(Ack, { sequence: isn + 1, acknowledgement: isn + 70_001 });
  }

  /** Whether a new connection of the address is refused at that interface. */
  refuses(index = 7): boolean {
    const { counters } = this.node.pipeline.injector;
    const before = counters.heldSyns;
    this.node.pass({ from: RED, to: OUTSIDE, ports: [++this.#port, 80], flags: Syn, sequence: this.#port }, index, UPLINK);
    return counters.heldSyns > before;
  }
}

describe("what a FlowReset holds in a Worker", () => {
  it("is told as it is held: between the ends that show at the pod, though the connection was found under the node's address", () => {
    const world = new World();
    world.masqueraded();
    expect(world.run(resetText(`client: {ip: ${NODE_ADDRESS}}, server: {ip: ${OUTSIDE}, port: 80}`))).toEqual([`${RED} > ${OUTSIDE}:80`]);
    expect(world.refuses()).toBe(true);
  });

  it("is told also where nobody has seen a connection, and it names both ends", () => {
    const world = new World();
    expect(world.run(resetText(`client: {ip: ${RED}}, server: {ip: ${OUTSIDE}, port: 80}`))).toEqual([`${RED} > ${OUTSIDE}:80`]);
    expect(world.refuses()).toBe(true);
  });

  it("is told once, however many connections are between the same ends", () => {
    const world = new World();
    for (const port of [40_000, 40_001, 40_002]) {
      world.node.pass({ from: RED, to: OUTSIDE, ports: [port, 80], flags: Syn, sequence: port }, 7, UPLINK);
      world.node.pass({ from: OUTSIDE, to: RED, ports: [80, port], flags: Syn | Ack, sequence: 9, acknowledgement: port + 1 }, UPLINK, 7);
    }
    expect(world.run(resetText(`client: {ip: ${RED}}`))).toEqual([`${RED} > ${OUTSIDE}:80`]);
    expect(world.lines[0]).toMatchObject({ type: "matched", connections: { length: 3 } });
  });

  it.each<[string, string, (world: World) => void]>([
    ["that is another tenant's", resetText(`client: {ip: ${RED}}, server: {ip: ${OUTSIDE}, port: 80}`, "blue"), () => {}],
    ["while nothing may be injected", resetText(`client: {ip: ${RED}}, server: {ip: ${OUTSIDE}, port: 80}`), ({ stop }) => void (stop[0] = 1)],
    ["of a client that is shared", resetText(`client: {ip: ${NODE_ADDRESS}}, server: {ip: ${OUTSIDE}, port: 80}`), () => {}],
    ["where that was not asked for", resetText(`client: {ip: ${RED}}, server: {ip: ${OUTSIDE}, port: 80}`, undefined, "0s"), () => {}],
  ])("is nothing %s", (_, text, change) => {
    const world = new World();
    change(world);
    expect(world.run(text)).toEqual([]);
  });

  it("is about the pod, not its address, also while the kernel does not know where that lives", () => {
    const world = new World();
    world.node.hearTopology([red({ address: "10.244.1.99" })]); // The neighbour's entry has gone, and the interface has not.
    world.run(resetText(`client: {ip: ${RED}}, server: {ip: ${OUTSIDE}, port: 80}`));
    expect(world.refuses(7)).toBe(true);
    world.node.hearTopology([red({ uid: "heir", index: 9, readyMs: START_MS })]);
    expect(world.refuses(9)).toBe(false);
  });
});
