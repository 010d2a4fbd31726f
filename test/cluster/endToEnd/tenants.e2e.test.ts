/** A tenant's objects do nothing to another's connections, with everything real. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../lab/mod.ts";
import { marking, Scene, sharedProduct, Storm, tellWhy } from "./mod.ts";
import type { Pair, Server } from "./mod.ts";

const product = sharedProduct();
const [one, two] = product.cluster.nodes as [(typeof product.cluster.nodes)[0], (typeof product.cluster.nodes)[0]];
const PORT = 8080;
let hostile: Scene;
let other: Scene;
let server: Server;
let pair: Pair;
tellWhy(product, () => [hostile, other]);

beforeAll(async () => {
  [hostile, other] = await Promise.all([Scene.open(product, "hostile"), Scene.open(product, "other")]);
  server = await other.serve("server", two.name, PORT);
  pair = await other.connect("client", one.name, server.address, PORT);
});
afterAll(async () => {
  for (const scene of [hostile, other]) await scene[Symbol.asyncDispose]();
  await product.api.close();
});

describe("another namespace's connection", () => {
  it.for<[string, () => object]>([
    ["by both its ends", () => ({ client: pair.victim.endpoint, server: { ip: server.address, port: PORT } })],
    ["by its client", () => ({ client: { ip: pair.victim.endpoint.ip } })],
    ["by its server", () => ({ server: { ip: server.address, port: PORT } })],
    ["by a network", () => ({ client: { cidr: `${pair.victim.endpoint.ip}/32` }, server: { cidr: `${server.address}/32` } })],
  ])("is not reset by a FlowReset that names it %s", async ([, match]) => {
    const { status } = await product.finished(hostile.namespace, await product.reset(hostile.namespace, match()));
    expect(status.summary).toMatchObject({ reset: 0, confirmed: 0, wouldReset: 0 });
    expect(status.conditions.map(({ reason }) => reason)).toContain(status.phase === "Failed" ? "ForeignNamespace" : "NothingMatched");
    await pair.victim.goesOn();
    await pair.neighbour.goesOn();
  });

  it("is not reset by a policy that matches every connection's text, and is by its own namespace's", async () => {
    await product.api.apply([marking(hostile.namespace, "Enforce")]);
    await until("the hostile policy to be loaded", async () => (await product.get("responsepolicies", "marked", hostile.namespace)).status?.sensors?.ready === 2, 60_000, 100);
    await other.pods(other.pod("storm", one.name, { storm: Storm.words(server.address, PORT, 4) }));
    const storm = new Storm(other.place("storm", "storm"), PORT, 4);
    await storm.isCalm();
    expect(await storm.deaths()).toEqual([]);
    expect((await product.get("responsepolicies", "marked", hostile.namespace)).status.counters ?? { detections: 0 }).toMatchObject({ detections: 0 });
    await product.api.apply([marking(other.namespace, "Enforce")]);
    await storm.rages();
  });

  it("is reset by a FlowReset of its own namespace", async () => {
    const { status } = await product.finished(other.namespace, await product.reset(other.namespace, { client: pair.victim.endpoint, server: { ip: server.address, port: PORT } }));
    expect(status).toMatchObject({ phase: "Succeeded", summary: { matched: 1, confirmed: 1 } });
    expect((await pair.victim.ended()).how).toBe("ECONNRESET");
    await pair.neighbour.goesOn();
  });
});
