/**
 * Two Workers under load, with address translation: every attack is cut once, at both ends, whichever Worker sees it,
 * and no connection is split between them.
 */
import { describe, expect, test } from "vitest";
import { Arena, MARK } from "./adversary/arena.ts";
import { iperfServer, masquerade, nodePort, until } from "./mod.ts";
import type { Agent, Connection, Lab, Network, ServiceNetwork } from "./mod.ts";

const ROUNDS = 8;
const STREAMS = 4;
const PORT = 9_080;

interface Path {
  readonly name: string;
  readonly from: (arena: Arena) => Agent;
  readonly to: (arena: Arena) => Agent;
  /** The address and port that the client calls. */
  readonly called: (net: Network) => readonly [string, number];
}

const POD_TO_POD: Path = { name: "pod to pod", from: ({ client }) => client, to: ({ server }) => server, called: ({ server }) => [server.ipv4, PORT] };
const POD_TO_POD_V6: Path = { ...POD_TO_POD, name: "pod to pod over IPv6", called: ({ server }) => [server.ipv6, PORT] };
const POD_TO_OUTSIDE: Path = { name: "pod to outside", from: ({ client }) => client, to: ({ outside }) => outside, called: ({ outside }) => [outside.ipv4, PORT] };
const POD_TO_VIP: Path = { name: "pod to service address", from: ({ client }) => client, to: ({ server }) => server, called: (net) => [(net as ServiceNetwork).vipIpv4, (net as ServiceNetwork).vipPort] };
const OUTSIDE_TO_NODE: Path = { name: "outside to node port", from: ({ outside }) => outside, to: ({ server }) => server, called: (net) => [net.nodeAddresses.uplinkIpv4, (net as ServiceNetwork).nodePort] };

describe.each([
  { how: "behind masquerade", topology: (lab: Lab) => masquerade(lab), paths: [POD_TO_POD, POD_TO_POD_V6, POD_TO_OUTSIDE] },
  { how: "behind a service address and a node port", topology: (lab: Lab) => nodePort(lab, { targetPort: PORT, masquerade: true }), paths: [POD_TO_VIP, OUTSIDE_TO_NODE] },
])("two Workers $how", ({ topology, paths }) => {
  test(`cut every attack once while uploads run: ${paths.map(({ name }) => name).join(", ")}`, async () => {
    const arena = await Arena.open(topology, ["--workers", "2"]);
    const { net, client, server, outside, sensor } = arena;
    const listeners = new Map<Agent, Awaited<ReturnType<Agent["listen"]>>>();
    for (const agent of [server, outside]) listeners.set(agent, await agent.listen({ port: PORT, behaviour: "echo" }));
    await Promise.all([iperfServer(net.server), iperfServer(net.outside)]);
    const load = [net.server, net.outside].map(({ ipv4 }) => net.client.start(["iperf3", "-c", ipv4, "-t", "600", "-P", String(STREAMS), "-b", "50M", "-i", "0.2", "--forceflush"]));
    await Promise.all(load.map((upload) => upload.waitForOutput(/SUM.*bits\/sec/)));

    // Below the ports that the kernel gives the uploads.
    let localPort = 26_000;
    const open = async ({ from, called }: Path): Promise<Connection> => {
      const [host, port] = called(net);
      return arena.echoing(from(arena), port, localPort++, host);
    };
    const neighbours = await Promise.all(paths.map(open));
    const doomed: Connection[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const attacks = await Promise.all(paths.map(open));
      doomed.push(...attacks);
      for (const attack of attacks) attack.write(MARK);
      for (const attack of attacks) expect((await until(`the end of ${attack.localPort}`, () => attack.end)).error).toBe("ECONNRESET");
    }
    // A word of the neighbours is seen after all that the attacks have caused.
    for (const neighbour of neighbours) await arena.stillEchoes(neighbour);
    for (const { localPort: port } of doomed) {
      expect((await sensor.outcome(port)).flowreset.outcome).toBe("Confirmed");
      expect(sensor.events.filter(({ event_type, flow }) => event_type === "reset" && flow.src_port === port)).toHaveLength(1);
      expect(sensor.events.filter(({ event_type, flow }) => event_type === "outcome" && flow.src_port === port)).toHaveLength(1);
    }
    for (const listener of listeners.values()) {
      for (const accepted of listener.connections) {
        if (doomed.some(({ localPort: port }) => port === accepted.remotePort)) expect((await accepted.closed).error).toBe("ECONNRESET");
      }
    }

    const { stdout } = await sensor.command(["flows", "--json", "--limit", "1000"]);
    const flows = stdout.trim().split("\n").map((line) => JSON.parse(line) as { client: { ip: string; port: number }; server: { ip: string; port: number }; packetsToServer: number; packetsToClient: number });
    for (const [i, { localAddress, localPort: ownPort }] of neighbours.entries()) {
      const [host, port] = paths[i]!.called(net);
      const own = flows.filter(({ client: from, server: to }) => from.ip === localAddress && from.port === ownPort && to.ip === host && to.port === port);
      expect(own, paths[i]!.name).toHaveLength(1);
      expect(own[0]!.packetsToServer, paths[i]!.name).toBeGreaterThan(2);
      expect(own[0]!.packetsToClient, paths[i]!.name).toBeGreaterThan(2);
    }
    for (const upload of load) expect(upload.exit).toBeUndefined();
    expect(client.process.exit).toBeUndefined();
    await arena.close();
  });

  test("kill each connection that `flowreset kill` names once, and none where there are more than it may", async () => {
    const arena = await Arena.open(topology, ["--workers", "2"]);
    const { net, server, outside, sensor } = arena;
    await Promise.all([server, outside].map((agent) => agent.listen({ port: PORT, behaviour: "echo" })));
    const path = paths.at(-1)!;
    const [host, port] = path.called(net);
    const all = await Promise.all(Array.from({ length: 5 }, (_, i) => arena.echoing(path.from(arena), port, 47_000 + i, host)));
    const client = path.from(arena) === outside ? net.outside.ipv4 : net.client.ipv4;
    const kill = (more: readonly string[]) => sensor.command(["kill", "--client", client, "--server", `${host}:${port}`, ...more]);
    const tooMany = await kill(["--max-flows", "4"]);
    expect([tooMany.code, tooMany.stderr]).toEqual([1, expect.stringMatching(/TooManyFlows/)]);
    for (const connection of all) await arena.stillEchoes(connection);
    const one = await sensor.command(["kill", "--client", `${client}:47000`]);
    expect([one.code, one.stderr]).toEqual([0, "1 matched: 1 Confirmed\n"]);
    const rest = await kill([]);
    expect([rest.code, rest.stderr]).toEqual([0, "4 matched: 4 Confirmed\n"]);
    for (const connection of all) expect((await connection.closed).error).toBe("ECONNRESET");
    await arena.close();
  });
});
