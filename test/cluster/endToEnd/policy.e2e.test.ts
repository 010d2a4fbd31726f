/** A ResponsePolicy from its beginning to its end: it counts, it cuts, it stops; and the emergency stop over it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../lab/mod.ts";
import { marking, Scene, sharedProduct, Storm, tellWhy, Witness } from "./mod.ts";
import type { Pair, Server } from "./mod.ts";

const product = sharedProduct();
const [one, two] = product.cluster.nodes as [(typeof product.cluster.nodes)[0], (typeof product.cluster.nodes)[0]];
const PORT = 8080;
const CONNECTIONS = 8;
let scene: Scene;
let server: Server;
let storm: Storm;
let innocent: Pair;
tellWhy(product, () => [scene]);

beforeAll(async () => {
  scene = await Scene.open(product, "policy");
  server = await scene.serve("server", two.name, PORT);
  innocent = await scene.connect("innocent", one.name, server.address, PORT);
  await scene.pods(scene.pod("storm", one.name, { storm: Storm.words(server.address, PORT, CONNECTIONS) }));
  storm = new Storm(scene.place("storm", "storm"), PORT, CONNECTIONS);
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await product.api.close();
});

const apply = (mode: "Observe" | "Enforce") => product.api.apply([marking(scene.namespace, mode)]);
const policy = () => product.get("responsepolicies", "marked", scene.namespace);
const counters = async () => (await policy()).status?.counters ?? {};

describe("a ResponsePolicy", () => {
  it("in Observe counts what it would reset, and cuts nothing", async () => {
    await storm.isCalm();
    await apply("Observe");
    await until("the policy to count", async () => (await counters()).wouldReset >= CONNECTIONS, 60_000, 100);
    expect(await counters()).toMatchObject({ reset: 0, confirmed: 0 });
    expect(await storm.deaths()).toEqual([]);
    await until("both sensors to have it", async () => (await policy()).status.sensors.ready === 2, 60_000, 100);
  });

  it("switched to Enforce cuts what it matches and nothing else", async () => {
    await apply("Enforce");
    await storm.rages();
    expect(new Set((await storm.deaths()).map(({ how }) => how))).toEqual(new Set(["ECONNRESET"]));
    await until("the policy to say so", async () => (await counters()).confirmed >= CONNECTIONS, 60_000, 100);
    await innocent.victim.goesOn();
    await innocent.neighbour.goesOn();
  });

  it("deleted cuts no more", async () => {
    await product.api.kubectl(["delete", "responsepolicy", "marked", `--namespace=${scene.namespace}`]);
    await storm.isCalm();
  });
});

describe("the emergency stop", () => {
  afterEach(() => product.patchFleet({ enforcement: "Enabled" }));

  it("ends a storm of resets: after the sensors' word nothing is injected, and every object says why", async () => {
    await apply("Enforce");
    await storm.rages();
    await using witness = await Witness.start(product.cluster.nodes, `port ${PORT}`);
    await storm.rages();
    await until("the witness to see RSTs", () => witness.seen().length > 0);

    const heldBack = (await counters()).wouldReset ?? 0;
    const askedMs = Date.now();
    await product.patchFleet({ enforcement: "ObserveOnly" });
    const acknowledgedMs = await Promise.all(product.cluster.nodes.map((node) => product.sensorSaid(node, "emergency stop of the fleet", askedMs)));
    await storm.isCalm();
    const seen = witness.seen();
    const last = seen.at(-1)!;
    console.log(`emergency stop: the sensors' word ${Math.round(Math.max(...acknowledgedMs) - askedMs)} ms after it was asked for, the last RST ${Math.round(last.atMs - askedMs)} ms`);
    const deaths = await storm.deaths();

    // Detection goes on: what it would have cut is counted, and no packet leaves.
    await until("the policy to count what is held back", async () => (await counters()).wouldReset >= heldBack + CONNECTIONS, 60_000, 100);
    const reset = await product.finished(scene.namespace, await product.reset(scene.namespace, { client: innocent.victim.endpoint, server: { ip: server.address, port: PORT } }));
    expect(reset.status).toMatchObject({ phase: "Failed", summary: { reset: 0 } });
    expect(reset.status.message).toContain("ObserveOnly");
    expect((await policy()).status.conditions).toContainEqual(expect.objectContaining({ type: "Enforcing", status: "False", reason: "ObserveOnly" }));
    await innocent.victim.goesOn();
    expect(await storm.deaths()).toEqual(deaths);
    expect(witness.seen()).toEqual(seen);
  });

  it("released lets the policy cut again", async () => {
    await scene.pods(scene.pod("second", one.name, { storm: Storm.words(server.address, PORT, CONNECTIONS) }));
    await new Storm(scene.place("second", "storm"), PORT, CONNECTIONS).rages();
    await innocent.neighbour.goesOn();
  });

  it("which cuts over IPv6 as well", async () => {
    const { address } = await scene.server("server", PORT, "IPv6");
    const { victim, neighbour } = await scene.connect("innocent-ipv6", one.name, address, PORT);
    await scene.pods(scene.pod("storm-ipv6", one.name, { storm: Storm.words(address, PORT, CONNECTIONS) }));
    await new Storm(scene.place("storm-ipv6", "storm"), PORT, CONNECTIONS).rages();
    await victim.goesOn();
    await neighbour.goesOn();
  });
});
