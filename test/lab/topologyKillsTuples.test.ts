/**
 * A connection that passes NAT has two tuples, and a rule may name either: the one that the client knows, or the one
 * that the server does. By a signature in the request or in the answer, or by the connection itself, with IPv4 and IPv6,
 * exactly that connection dies, and is told of once, though what one side sends may count under the other tuple only.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Ground } from "./killing/ground.ts";
import { echoes, FAMILIES, SERVER_PORT, socketStates } from "./killing/sessions.ts";
import type { Path } from "./killing/sessions.ts";
import { Agent, Lab, masquerade, nodePort, until } from "./mod.ts";
import type { Network, ServiceNetwork, Station } from "./mod.ts";

interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A rule that fits one tuple of one path. */
interface TupleRule {
  readonly path: string;
  readonly tuple: string;
  readonly subject: Addresses;
  readonly direction: "Inbound" | "Outbound";
  readonly peers?: Addresses;
  readonly port: number;
}

const MARKS = { request: "KILL-WHO-ASKS", answer: "KILL-WHO-ANSWERS" };
const cidrs = ({ ipv4, ipv6 }: Addresses) => `{cidrs: ["${ipv4}/32", "${ipv6}/128"]}`;
const markOf = (number: number, side: keyof typeof MARKS) => `${MARKS[side]}-${number};`;

function policyOf(rules: readonly TupleRule[]): string {
  const documents = rules.map(({ subject, direction, peers, port }, number) => {
    const header = `direction: ${direction}, ports: ["${port}"]${peers === undefined ? "" : `, peers: ${cidrs(peers)}`}`;
    const content = (side: keyof typeof MARKS) => markOf(number, side).replace(";", "|3b|");
    return `apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: rule-${number}}
spec:
  mode: Enforce
  subject: ${cidrs(subject)}
  rules:
  - {name: request, ${header}, signature: {rules: ['alert tcp any any -> any ${port} (flow:established,to_server; content:"${content("request")}"; sid:1;)']}}
  - {name: answer, ${header}, signature: {rules: ['alert tcp any ${port} -> any any (flow:established,to_client; content:"${content("answer")}"; sid:2;)']}}
  limits: {connectionsPerMinutePerNode: 100000}
`;
  });
  return documents.join("---\n");
}

const vip = (net: ServiceNetwork): Addresses => ({ ipv4: net.vipIpv4, ipv6: net.vipIpv6 });
const uplink = ({ nodeAddresses: at }: Network): Addresses => ({ ipv4: at.uplinkIpv4, ipv6: at.uplinkIpv6 });
const server = (net: Network, path: string): TupleRule => ({ path, tuple: "the server pod's", subject: net.server, direction: "Inbound", port: SERVER_PORT });

const podToVip = (net: ServiceNetwork): Path => ({ from: net.client, to: net.server, calls: { ...vip(net), port: net.vipPort } });
const outsideToNodePort = (net: ServiceNetwork): Path => ({ from: net.outside, to: net.server, calls: { ...uplink(net), port: net.nodePort } });

function serviceOf(net: ServiceNetwork): { paths: Record<string, Path>; rules: TupleRule[] } {
  return {
    paths: { ClusterIP: podToVip(net), NodePort: outsideToNodePort(net) },
    rules: [
      { path: "ClusterIP", tuple: "the client pod's", subject: net.client, direction: "Outbound", peers: vip(net), port: net.vipPort },
      server(net, "ClusterIP"),
      { path: "NodePort", tuple: "the uplink's", subject: uplink(net), direction: "Inbound", port: net.nodePort },
      server(net, "NodePort"),
    ],
  };
}

function outOf(net: Network): { paths: Record<string, Path>; rules: TupleRule[] } {
  const outside: Station = net.outside;
  return {
    paths: { "the way out": { from: net.client, to: outside } },
    rules: [
      { path: "the way out", tuple: "the client pod's", subject: net.client, direction: "Outbound", peers: outside, port: SERVER_PORT },
      { path: "the way out", tuple: "the node's", subject: uplink(net), direction: "Outbound", peers: outside, port: SERVER_PORT },
    ],
  };
}

const SERVICE = ["ClusterIP, the client pod's", "ClusterIP, the server pod's", "NodePort, the uplink's", "NodePort, the server pod's"];
const service = (options: Parameters<typeof nodePort>[1]) => async () => {
  const net = await nodePort(await Lab.open(["cc", "conntrack"]), options);
  return { net, ...serviceOf(net) };
};
const CASES = [
  { title: "a service of routed pods", names: SERVICE, make: service({ routed: true }) },
  { title: "a service", names: SERVICE, make: service({}) },
  { title: "a masqueraded service", names: SERVICE, make: service({ masquerade: true }) },
  {
    title: "masquerade", names: ["the way out, the client pod's", "the way out, the node's"],
    make: async () => {
      const net = await masquerade(await Lab.open(["cc", "conntrack"]));
      return { net, ...outOf(net) };
    },
  },
];

for (const { title, names, make } of CASES) {
  describe(`by ${title}`, () => {
    let made: Awaited<ReturnType<typeof make>>;
    let ground: Ground;
    beforeAll(async () => {
      made = await make();
      ground = await Ground.open(made.net, made.paths, { policy: policyOf(made.rules) });
    });
    afterAll(() => made?.net.lab.close());
    const lines = names.flatMap((name, number) => FAMILIES.flatMap((family) => (["request", "answer"] as const).map((side) => ({ name, number, family, side }))));
    test.each(lines)("a rule for $name tuple, $family, finds the $side", async ({ name, number, family, side }) => {
      const { path, tuple } = made.rules[number]!;
      expect(`${path}, ${tuple}`).toBe(name);
      await ground.kills(path, made.paths[path]!, family, side === "request" ? "a signature" : "a signature in the answer", markOf(number, side));
    });
  });
}

const PHASES = ["Handshake", "Established"] as const;
const CONNECTION_RULES = PHASES.flatMap((phase) => (["ClusterIP", "NodePort"] as const).flatMap((path) => (["the server pod's tuple", "both tuples"] as const).map((names) => ({ phase, path, names }))));
/** Who calls from this port and the ones after it is forbidden by the rule of that place above. */
const FORBIDDEN_PORT = 50_000;

function connectionPolicy(net: Network): string {
  return CONNECTION_RULES.map(({ phase, names }, number) => `apiVersion: flowreset.io/v1alpha1
kind: ResponsePolicy
metadata: {name: connection-${number}}
spec:
  mode: Enforce
  ${names === "both tuples" ? "" : `subject: ${cidrs(net.server)}`}
  rules:
  - name: forbidden
    ${names === "both tuples" ? "" : `direction: Inbound\n    ports: ["${SERVER_PORT}"]`}
    connection: {phase: ${phase}, client: {ports: ["${FORBIDDEN_PORT + number}"]}}
`).join("---\n");
}

describe("by a service of routed pods, a connection rule", () => {
  let net: ServiceNetwork;
  let ground: Ground;
  const agents: Agent[] = [];
  beforeAll(async () => {
    net = await nodePort(await Lab.open(["cc", "conntrack"]), { routed: true });
    ground = await Ground.open(net, serviceOf(net).paths, { policy: connectionPolicy(net) });
    agents.push(await Agent.start(net.client.namespace), await Agent.start(net.outside.namespace));
  });
  afterAll(() => net?.lab.close());
  const lines = CONNECTION_RULES.flatMap((rule, number) => FAMILIES.map((family) => ({ ...rule, number, family })));
  test.each(lines)("for $names ends what calls by $path, $family, in the phase $phase, once", async ({ path, number, family }) => {
    const way = serviceOf(net).paths[path]!;
    const neighbour = await ground.sessions.open(way, family);
    const localPort = FORBIDDEN_PORT + number;
    const told = () => ground.sensor.events.filter(({ flow }) => flow.src_port === localPort);
    const toldBefore = told().length;
    const client = agents[path === "ClusterIP" ? 0 : 1]!.open({ host: way.calls![family], port: way.calls!.port, localPort });
    client.connected.catch(() => {});
    expect((await client.closed).error).toMatch(/^ECONN(REFUSED|RESET)$/);
    const events = await until(`the outcome of port ${localPort}`, () => {
      const since = told().slice(toldBefore);
      return since.some(({ event_type }) => event_type === "outcome") ? since : undefined;
    });
    expect(events.at(-1)!.flowreset).toMatchObject({ outcome: "Confirmed", reason: expect.stringMatching(/^(RefusedBefore|CutAfter)Established$/) as string });
    expect(await net.server.namespace.socketState({ localPort: SERVER_PORT, remotePort: localPort })).toBe("gone");
    await echoes(neighbour.client);
    expect(await socketStates(neighbour)).toEqual(["ESTAB", "ESTAB"]);
    expect(told().slice(toldBefore).map(({ event_type }) => event_type)).toEqual(["alert", "reset", "outcome"]);
    expect(ground.sensor.events.filter(({ flow }) => flow.src_port === neighbour.client.localPort)).toEqual([]);
  });
});
