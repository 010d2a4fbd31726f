/** A FlowReset cuts one connection, wherever its ends are, and both ends' sockets show it; its neighbour lives on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OUTSIDE_ADDRESS } from "../mod.ts";
import { endpointOf, Scene, sharedProduct, tellWhy } from "./mod.ts";
import type { Connection, FlowResetObject, Pair, Server } from "./mod.ts";

const product = sharedProduct();
const [one, two] = product.cluster.nodes as [(typeof product.cluster.nodes)[0], (typeof product.cluster.nodes)[0]];
const PORT = 8080;
let scene: Scene;
tellWhy(product, () => [scene]);

beforeAll(async () => {
  scene = await Scene.open(product, "kills");
  await scene.pods(...[one, two].map(({ name }, index) => scene.pod(`server-${index + 1}`, name, { serve: ["serve", `${PORT}`] })));
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await product.api.close();
});

/** Cuts the victim, and proves it at both ends. @param seenAs a client's address and port as the server sees them */
async function cut({ victim, neighbour }: Pair, server: Server, apply: () => Promise<string>, seenAs = async ({ local }: Connection) => local): Promise<FlowResetObject> {
  const [caller, neighbourCaller] = [await seenAs(victim), await seenAs(neighbour)];
  expect([await server.hasSocket(caller), await server.hasSocket(neighbourCaller)]).toEqual([true, true]);
  const appliedMs = Date.now();
  const reset = await product.finished(scene.namespace, await apply());
  expect(reset.status).toMatchObject({ phase: "Succeeded", summary: { matched: 1, reset: 1, confirmed: 1 } });
  const deaths = [await victim.ended(), await server.ended(caller)];
  expect(deaths.map(({ how }) => how)).toEqual(["ECONNRESET", "ECONNRESET"]);
  expect([await victim.hasSocket(), await server.hasSocket(caller)]).toEqual([false, false]);
  expect(await server.hasSocket(neighbourCaller)).toBe(true);
  await neighbour.goesOn();
  console.log(`from kubectl apply to both ends dead: ${Math.round(Math.max(...deaths.map(({ atMs }) => atMs)) - appliedMs)} ms`);
  return reset;
}

const kill = (client: object, server: object) => () => product.reset(scene.namespace, { client, server });

describe("a FlowReset kills exactly one connection", () => {
  it.for([
    ["of two pods on one node", 1],
    ["of pods on two nodes", 2],
  ] as const)("%s", async ([, number]) => {
    const server = await scene.server(`server-${number}`, PORT);
    const pair = await scene.connect(`to-pod-${number}`, one.name, server.address, PORT);
    const { status } = await cut(pair, server, kill(pair.victim.endpoint, { ip: server.address, port: PORT }));
    expect(status.flows).toMatchObject([{ client: pair.victim.local, server: `${server.address}:${PORT}`, outcome: "Confirmed" }]);
  });

  it.for([
    ["on the same node, named by the service's address", 1, "service"],
    ["on another node, named by the service's address", 2, "service"],
    ["on another node, named by the backend's address", 2, "backend"],
  ] as const)("of a pod with a service whose backend is %s", async ([, number, named]) => {
    const service = await scene.service(`server-${number}`, 80, PORT);
    const server = await scene.server(`server-${number}`, PORT);
    const pair = await scene.connect(`to-service-${number}-${named}`, one.name, service.address, 80);
    const match = named === "service" ? { ip: service.address, port: 80 } : { ip: server.address, port: PORT };
    await cut(pair, server, kill(pair.victim.endpoint, match));
  });

  it("of a pod with the world outside, through masquerade", async () => {
    const server = await scene.serveOutside(80);
    const pair = await scene.connect("to-outside", two.name, server.address, 80);
    const behindTwo = (connection: Connection) => translated(two, connection);
    expect((await behindTwo(pair.victim)).split(":")[0]).toBe(two.address);
    await cut(pair, server, kill(pair.victim.endpoint, { ip: OUTSIDE_ADDRESS, port: 80 }), behindTwo);
  });

  it.for([
    ["on that node", 1],
    ["on the other node", 2],
  ] as const)("of the world outside with a node port whose backend is %s", async ([, number]) => {
    const service = await scene.service(`server-${number}`, 80, PORT);
    const server = await scene.server(`server-${number}`, PORT);
    const pair = await scene.connectOutside(one.address, service.nodePort);
    const behindOne = (connection: Connection) => translated(one, connection);
    await cut(pair, server, kill(endpointOf(await behindOne(pair.victim)), { ip: server.address, port: PORT }), behindOne);
  });

  it("of a node with a pod on another one", async () => {
    const server = await scene.server("server-2", PORT);
    await scene.pods(scene.connecting("host", one.name, server.address, PORT, { hostNetwork: true }));
    const pair = await scene.pair("host");
    expect(pair.victim.endpoint.ip).toBe(one.address);
    await cut(pair, server, kill(pair.victim.endpoint, { ip: server.address, port: PORT }));
  });
});

/** The client's address and port behind the NAT of a node, from its connection tracking. */
async function translated(node: typeof one, { local, remote }: Connection): Promise<string> {
  const [[source, sourcePort], [destination, destinationPort]] = [local, remote].map((text) => text.split(":")) as [[string, string], [string, string]];
  const { stdout } = await node.run(["conntrack", "-L", "-p", "tcp", "--orig-src", source, "--sport", sourcePort, "--orig-dst", destination, "--dport", destinationPort]);
  // First the tuple as it came, then the one that answers are expected by.
  const [, address, port] = stdout.match(/src=.* src=\S+ dst=(\S+) sport=\d+ dport=(\d+)/)!;
  return `${address}:${port}`;
}
