/**
 * What breaks, one after the other, while each node has a storm that a policy cuts and connections that it must not
 * touch: no reset is lost, no other connection dies, and all is as it should be afterwards.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { env } from "node:process";
import { until } from "../../lab/mod.ts";
import { marking, NAMESPACE, Scene, sharedProduct, Storm, tellWhy, Witness } from "./mod.ts";
import type { Pair, Server } from "./mod.ts";

const product = sharedProduct();
const { cluster } = product;
const { nodes } = cluster;
const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
const STORM_PORT = 8080;
const PORT = 8081;
const CONNECTIONS = 2;
/** How long the API server is away: a minute takes FAULT_SECONDS=60. */
const OUTAGE_MS = Number(env["FAULT_SECONDS"] ?? 20) * 1_000;
let scene: Scene;
/** By the name of its node. */
const servers = new Map<string, Server>();
let witness: Witness;
const storms: Storm[] = [];
const innocents: Pair[] = [];
tellWhy(product, () => [scene]);

beforeAll(async () => {
  scene = await Scene.open(product, "faults");
  for (const { name } of nodes) {
    const stormed = await scene.serve(`stormed-${name}`, name, STORM_PORT);
    await scene.pods(scene.pod(`storm-${name}`, name, { storm: Storm.words(stormed.address, STORM_PORT, CONNECTIONS) }));
    storms.push(new Storm(scene.place(`storm-${name}`, "storm"), STORM_PORT, CONNECTIONS));
  }
  for (const { name } of nodes) servers.set(name, await scene.serve(`server-${name}`, name, PORT));
  for (const { name } of nodes) innocents.push(await scene.connect(`innocent-${name}`, name, servers.get(two.name)!.address, PORT));
  await product.api.apply([marking(scene.namespace, "Enforce")]);
  await rage();
  witness = await Witness.start(nodes, `port ${PORT}`);
});
afterAll(async () => {
  await witness[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
  await product.api.close();
});

const rage = () => Promise.all(storms.map((storm) => storm.rages()));
let victims = 0;

/** A connection from node 1 to a server on that node or the other one, and the FlowReset that names it. */
async function victim(to = two): Promise<{ pair: Pair; apply: (spec?: object) => Promise<string> }> {
  const server = servers.get(to.name)!;
  const pair = await scene.connect(`victim-${++victims}`, one.name, server.address, PORT);
  return { pair, apply: (spec) => product.reset(scene.namespace, { client: pair.victim.endpoint, server: { ip: server.address, port: PORT } }, spec) };
}

async function isCut({ victim: cut, neighbour }: Pair, name: string): Promise<void> {
  expect((await cut.ended(60_000)).how).toBe("ECONNRESET");
  const { status } = await product.finished(scene.namespace, name, 90_000);
  expect(status).toMatchObject({ phase: "Succeeded", summary: { matched: 1, confirmed: 1 } });
  await neighbour.goesOn();
}

describe("no reset is lost, no other connection dies", () => {
  /** Whatever was done: storms go on being cut, innocents live, and RSTs were seen of connections that were named alone. */
  afterEach(async () => {
    await rage();
    for (const { victim: first, neighbour } of innocents) for (const connection of [first, neighbour]) await connection.goesOn();
    const locals = innocents.flatMap(({ victim: first, neighbour }) => [first.local, neighbour.local]);
    expect(witness.seen().filter(({ line }) => locals.some((local) => line.includes(local.replace(/:(\d+)$/, ".$1"))))).toEqual([]);
    await product.untilReady();
  });

  const gaps = async (what: string, fromMs: number) => {
    await rage();
    const rests = await Promise.all(storms.map((storm) => storm.longestRestMs(fromMs, Date.now())));
    console.log(`${what}: without a reset at most ${rests.map((ms, index) => `${Math.round(ms)} ms on ${nodes[index]!.name}`).join(", ")}`);
  };

  it("when both replicas of the operator are killed", async () => {
    const { pair, apply } = await victim();
    const fromMs = Date.now();
    const operators = await product.pods("operator");
    await Promise.all(operators.map(async ({ name }) => (await cluster.podProcess(NAMESPACE, name)).kill()));
    await isCut(pair, await apply());
    await gaps("operator killed", fromMs);
  });

  it("when the API server is away, and a FlowReset is the first that it hears of", async () => {
    const { pair, apply } = await victim();
    const before = await Promise.all(storms.map(async (storm) => (await storm.deaths()).length));
    const fromMs = Date.now();
    await cluster.stopApiServer();
    await until("the outage to have lasted", () => Date.now() - fromMs >= OUTAGE_MS, OUTAGE_MS * 2, 100);
    await rage();
    const after = await Promise.all(storms.map(async (storm) => (await storm.deaths()).length));
    console.log(`API server away for ${OUTAGE_MS / 1_000} s: ${after.map((count, index) => `${count - before[index]!} resets on ${nodes[index]!.name}`).join(", ")} meanwhile`);
    await cluster.startApiServer();
    await cluster.startControllers();
    await isCut(pair, await apply());
    await gaps("API server away", fromMs);
  });

  it("when etcd is restarted", async () => {
    const { pair, apply } = await victim();
    const fromMs = Date.now();
    await cluster.stopEtcd();
    await rage();
    await cluster.startEtcd();
    await until("the API server to work again", async () => (await product.api.request("GET", "/readyz")).status === 200, 60_000, 100);
    await cluster.startControllers();
    await isCut(pair, await apply());
    await gaps("etcd restarted", fromMs);
  });

  it("when a sensor is killed: a FlowReset that asks for a while is done when it is back", async () => {
    const { pair, apply } = await victim(one);
    const fromMs = Date.now();
    await (await cluster.podProcess(NAMESPACE, await product.sensorOn(one))).kill();
    const name = await apply({ hold: "30s" });
    expect((await pair.victim.ended(60_000)).how).toBe("ECONNRESET");
    await gaps("sensor of node-1 killed", fromMs);
    const { status } = await product.finished(scene.namespace, name, 90_000);
    expect(status).toMatchObject({ phase: "Succeeded" });
    expect(status.summary.confirmed).toBeGreaterThanOrEqual(1);
  });

  it("when a node's kubelet is stopped", async () => {
    const { pair, apply } = await victim();
    const fromMs = Date.now();
    await one.stopKubelet();
    await isCut(pair, await apply());
    await rage();
    await one.startKubelet();
    await gaps("kubelet of node-1 stopped", fromMs);
  });

  it("when the DaemonSet is rolled: a gap on each node, one after the other", async () => {
    const fromMs = Date.now();
    const old = new Set((await product.pods("sensor")).map(({ name }) => name));
    await product.upgrade(`fleet.spec.podAnnotations.rolled=at-${fromMs}`);
    await until("every sensor to be a new one", async () => (await product.pods("sensor")).every(({ name, isReady }) => isReady && !old.has(name)), 120_000, 250);
    await gaps("DaemonSet rolled", fromMs);
    for (const node of nodes) console.log(`${node.name}: ${JSON.stringify((await product.get("sensornodes", node.name)).status?.gap ?? "no new pod")} between a pod's first packet and its name`);
  });
});
