/** A FlowReset cuts one connection, wherever its ends are, and both ends' sockets show it; its neighbour lives on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FAMILIES, OUTSIDE } from "../mod.ts";
import { endpointOf, endpointText, Scene, sharedProduct, tellWhy } from "./mod.ts";
import type { Connection, FlowResetObject, Pair, Server } from "./mod.ts";

const product = sharedProduct();
const [one, two] = product.cluster.nodes as [(typeof product.cluster.nodes)[0], (typeof product.cluster.nodes)[0]];
const PORT = 8080;
/** One a family: a server outside listens on both. */
const OUTSIDE_PORT = { IPv4: 80, IPv6: 81 };
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

describe.each(FAMILIES)("a FlowReset kills exactly one connection over %s", (family) => {
  const pod = (kind: string) => `${kind}-${family.toLowerCase()}`;

  it.for([
    ["of two pods on one node", 1],
    ["of pods on two nodes", 2],
  ] as const)("%s", async ([, number]) => {
    const server = await scene.server(`server-${number}`, PORT, family);
    const pair = await scene.connect(pod(`to-pod-${number}`), one.name, server.address, PORT);
    const { status } = await cut(pair, server, kill(pair.victim.endpoint, { ip: server.address, port: PORT }));
    expect(status.flows).toMatchObject([{ client: pair.victim.local, server: endpointText(server.address, PORT), outcome: "Confirmed" }]);
  });

  it.for([
    ["on the same node, named by the service's address", 1, "service"],
    ["on another node, named by the service's address", 2, "service"],
    ["on another node, named by the backend's address", 2, "backend"],
  ] as const)("of a pod with a service whose backend is %s", async ([, number, named]) => {
    const service = await scene.service(`server-${number}`, 80, PORT, family);
    const server = await scene.server(`server-${number}`, PORT, family);
    const pair = await scene.connect(pod(`to-service-${number}-${named}`), one.name, service.address, 80);
    const match = named === "service" ? { ip: service.address, port: 80 } : { ip: server.address, port: PORT };
    await cut(pair, server, kill(pair.victim.endpoint, match));
  });

  it("of a pod with the world outside, through masquerade", async () => {
    const server = await scene.serveOutside(OUTSIDE_PORT[family], family);
    const pair = await scene.connect(pod("to-outside"), two.name, server.address, server.port);
    const behindTwo = (connection: Connection) => translated(two, connection);
    expect(endpointOf(await behindTwo(pair.victim)).ip).toBe(two.addresses[family]);
    await cut(pair, server, kill(pair.victim.endpoint, { ip: OUTSIDE[family], port: server.port }), behindTwo);
  });

  it.for([
    ["on that node", 1],
    ["on the other node", 2],
  ] as const)("of the world outside with a node port whose backend is %s", async ([, number]) => {
    const service = await scene.service(`server-${number}`, 80, PORT, family);
    const server = await scene.server(`server-${number}`, PORT, family);
    const pair = await scene.connectOutside(one.addresses[family], service.nodePort);
    const behindOne = (connection: Connection) => translated(one, connection);
    await cut(pair, server, kill(endpointOf(await behindOne(pair.victim)), { ip: server.address, port: PORT }), behindOne);
  });

  it("of a node with a pod on another one", async () => {
    const server = await scene.server("server-2", PORT, family);
    await scene.pods(scene.connecting(pod("host"), one.name, server.address, PORT, { hostNetwork: true }));
    const pair = await scene.pair(pod("host"));
    // Through a tunnel it calls by the tunnel's address.
    expect((await one.run(["ip", "-oneline", "address"])).stdout).toContain(` ${pair.victim.endpoint.ip}/`);
    await cut(pair, server, kill(pair.victim.endpoint, { ip: server.address, port: PORT }));
  });
});

/** The client's address and port behind the NAT of a node, from its connection tracking. */
async function translated(node: typeof one, { local, remote }: Connection): Promise<string> {
  const [from, to] = [endpointOf(local), endpointOf(remote)];
  const family = from.ip.includes(":") ? "ipv6" : "ipv4";
  const { stdout } = await node.run(["conntrack", "-L", "-f", family, "-p", "tcp", "--orig-src", from.ip, "--sport", `${from.port}`, "--orig-dst", to.ip, "--dport", `${to.port}`]);
  // First the tuple as it came, then the one that answers are expected by.
  const [, address, port] = stdout.match(/src=.* src=\S+ dst=(\S+) sport=\d+ dport=(\d+)/)!;
  return endpointText(address!, port!);
}
