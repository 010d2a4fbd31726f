import { describe, expect, it } from "vitest";
import { PacketDirection } from "../../decode/mod.ts";
import type { FlowLike } from "../../detect/flows.fixture.ts";
import { FlowFlag } from "../../flow/mod.ts";
import type { InterfaceDescription } from "../../detect/mod.ts";
import { Judge } from "../judge.fixture.ts";
import { policy, reset } from "../objects.fixture.ts";
import type { ClusterView, PodIdentity } from "../subjects/mod.ts";

const In = PacketDirection.OtherHost;
const Out = PacketDirection.Outgoing;
const WEB = "10.244.1.7";
const DB = "10.244.1.8";
const THEIRS = "10.244.1.9";
const OUTSIDE = "203.0.113.9";
const VIP = "10.96.0.1";

const pod = (name: string, namespace: string, address: string, interfaceIndex: number): PodIdentity => ({
  uid: name, namespace, name, labels: { app: name }, serviceAccount: "default", addresses: [address], interfaceIndex,
});
const interfaces: InterfaceDescription[] = [
  { index: 2, name: "eth0", kind: "Uplink", addresses: ["192.0.2.1"] },
  ...[7, 8, 9, 10].map((index) => ({ index, name: `veth${index}`, kind: "Pod" as const, addresses: [] })),
];
const cluster: ClusterView = {
  nodeLabels: {},
  namespaces: new Map([["shop", {}], ["other", {}]]),
  pods: [pod("web", "shop", WEB, 7), pod("db", "shop", DB, 8), pod("theirs", "other", THEIRS, 9)],
  isLive: true,
  enforceable: () => true,
  podCidrs: ["10.244.2.0/24"],
};

/** From a pod to the outside, as its own interface shows both ways. */
const fromWeb: FlowLike = { client: WEB, server: OUTSIDE, taps: [7, 7], directions: [In, Out] };
const fromTheirs: FlowLike = { client: THEIRS, server: OUTSIDE, taps: [9, 9], directions: [In, Out] };
/** Two pods of the node, each at its own. */
const webToTheirs: FlowLike = { client: WEB, server: THEIRS, taps: [7, 9], directions: [In, In] };

describe("a tenant's FlowReset", () => {
  it.each<[string, string, string, FlowLike]>([
    ["Reset", "its own pod by address", `{client: {ip: ${WEB}}}`, fromWeb],
    ["Reset", "its own pod by labels", "{client: {podSelector: {matchLabels: {app: web}}}}", fromWeb],
    ["Reset", "its own pod and a neighbour", `{server: {ip: ${THEIRS}}}`, webToTheirs],
    ["Reset", "what reaches its pod before that has answered", "{server: {podSelector: {matchLabels: {app: web}}}}", { client: OUTSIDE, server: WEB, taps: [7, 0], directions: [Out, 0] }],
    ["no match", "the neighbour's pod by address", `{client: {ip: ${THEIRS}}}`, fromTheirs],
    ["no match", "the neighbour's pod by the server's address", `{server: {ip: ${OUTSIDE}}}`, fromTheirs],
    ["no match", "the neighbour's pod by a network", "{client: {cidr: 10.244.1.0/24}}", fromTheirs],
    ["no match", "the neighbour's pod by its labels", "{client: {podSelector: {matchLabels: {app: theirs}}}}", fromTheirs],
    ["no match", "its own labels at a neighbour's end", "{server: {podSelector: {matchLabels: {app: web}}}}", fromWeb],
    ["no match", "the node's own", "{client: {ip: 192.0.2.1}}", { client: "192.0.2.1", server: OUTSIDE, taps: [2, 2], directions: [Out, In] }],
    ["no match", "its pod's address at another's interface", `{client: {ip: ${WEB}}}`, { ...fromWeb, taps: [9, 9] }],
    ["no match", "its pod's address at a new interface", `{client: {ip: ${WEB}}}`, { ...fromWeb, taps: [11, 11] }],
    ["no match", "its pod's address at the uplink", `{client: {ip: ${WEB}}}`, { ...fromWeb, taps: [2, 2] }],
    ["no match", "its pod's address, seen nowhere", `{client: {ip: ${WEB}}}`, { client: WEB, server: OUTSIDE }],
  ])("%s: %s", (expected, _, match, flow) => {
    expect(new Judge([reset(match)], { cluster, interfaces }).reset(flow)).toBe(expected);
  });

  it("says how many it had to leave alone, and of a neighbour's nothing", () => {
    const judge = new Judge([reset(`{server: {ip: ${OUTSIDE}}}`)], { cluster, interfaces });
    judge.reset(fromTheirs);
    expect(judge.decider.leftAlone).toBe(0);
    judge.reset({ ...fromWeb, taps: [9, 9] });
    expect(judge.decider.leftAlone).toBe(1);
  });

  it("is held back where its namespace may not enforce", () => {
    const held = { ...cluster, enforceable: () => false };
    expect(new Judge([reset(`{client: {ip: ${WEB}}}`)], { cluster: held, interfaces }).reset(fromWeb)).toBe("WouldReset NamespaceNotEnforced");
  });

  it("holds at its pod's interface only", () => {
    const judge = new Judge([reset(`{client: {ip: ${WEB}}}`, "hold: 60s")], { cluster, interfaces });
    judge.reset(fromWeb);
    expect(judge.decider.decision).toMatchObject({ holdMs: 60_000, holdInterface: 7 });
    judge.reset(webToTheirs);
    expect(judge.decider.decision).toMatchObject({ holdInterface: 7 });
  });
});

it("a cluster's FlowReset may touch anybody's, and holds a pod of the node at its own interface, others by their addresses", () => {
  const text = reset(`{client: {ip: ${THEIRS}}}`, "hold: 60s").replace("kind: FlowReset", "kind: ClusterFlowReset").replace(", namespace: shop", "");
  const judge = new Judge([text], { cluster, interfaces });
  expect(judge.reset(fromTheirs)).toBe("Reset");
  expect(judge.decider.decision).toMatchObject({ holdMs: 60_000, holdInterface: 9 });
  expect(judge.reset({ client: THEIRS, server: OUTSIDE })).toBe("Reset");
  expect(judge.decider.decision).toMatchObject({ holdMs: 60_000, holdInterface: 0 });
});

describe("a tenant's policy, whatever the detector says", () => {
  const judge = () => new Judge([policy({ spec: ["mode: Enforce"], rules: ["{name: r, ports: ['80'], connection: {phase: Established}}"] })], { cluster, interfaces });
  it.each<[string, string, FlowLike]>([
    ["Reset", "its own pod's", fromWeb],
    ["Suppress ForeignNamespace", "a neighbour's", fromTheirs],
    ["Suppress ForeignNamespace", "nobody's", { client: OUTSIDE, server: "203.0.113.10", taps: [2, 2] }],
    ["Suppress SpoofedInterface", "its pod's address at another interface", { ...fromWeb, taps: [9, 9] }],
    ["Suppress UnknownPod", "a pod's of which nobody has told", { client: "10.244.1.77", server: OUTSIDE, taps: [10, 10], directions: [In, Out] }],
  ])("%s: %s", (expected, _, flow) => {
    expect(judge().judge(flow)).toBe(expected);
  });
});

describe("of two tuples of one connection", () => {
  /** `own` with a twin. */
  const judged = (own: FlowLike, twin: FlowLike): string => {
    const judge = new Judge([policy({ spec: ["mode: Enforce"], rules: ["{name: r, ports: ['80'], connection: {phase: Established}}"] })], { cluster, interfaces });
    const other = judge.flows.add(twin);
    return judge.judgeSlot(judge.flows.add({ ...own, twin: other }));
  };
  it.each<[string, string, FlowLike, FlowLike]>([
    ["Reset", "a service's, its pod the client", { client: WEB, server: VIP, taps: [7, 7], directions: [In, Out] }, { client: WEB, server: THEIRS, taps: [0, 9], directions: [0, In] }],
    ["Reset", "a service's, its pod behind it", { client: THEIRS, server: VIP, taps: [9, 9], directions: [In, Out] }, { client: THEIRS, server: DB, taps: [0, 8], directions: [0, In] }],
    ["Reset", "a masqueraded one's", { client: WEB, server: OUTSIDE, taps: [7, 7], directions: [In, Out] }, { client: "192.0.2.1", clientPort: 61_000, server: OUTSIDE, taps: [2, 2], directions: [Out, In] }],
    ["Suppress SpoofedInterface", "one joined to a neighbour's by its numbers", fromWeb, fromTheirs],
    ["Suppress SpoofedInterface", "the neighbour's, found by way of one's own", fromTheirs, fromWeb],
    ["Suppress SpoofedInterface", "one joined to a far client's", { client: WEB, server: THEIRS, taps: [7, 9], directions: [In, In] }, { client: OUTSIDE, server: THEIRS, taps: [9, 9], directions: [Out, In] }],
    ["Suppress SpoofedInterface", "a client's of a neighbour, joined by a forged answer", { client: OUTSIDE, server: WEB, taps: [0, 7], directions: [0, In] }, { client: OUTSIDE, server: THEIRS, taps: [9, 9], directions: [Out, In] }],
    ["Suppress SpoofedInterface", "the same before the neighbour has answered", { client: OUTSIDE, server: WEB, taps: [0, 7], directions: [0, In] }, { client: OUTSIDE, server: THEIRS, taps: [9, 0], directions: [Out, 0] }],
    ["Suppress ForeignNamespace", "a neighbour's service", { client: THEIRS, server: VIP, taps: [9, 9], directions: [In, Out] }, { client: THEIRS, server: OUTSIDE, taps: [0, 2], directions: [0, In] }],
  ])("%s: %s", (expected, _, own, twin) => {
    expect(judged(own, twin)).toBe(expected);
  });
});

describe("who acts first", () => {
  const FAR = "10.244.2.7";
  const delay = (flow: FlowLike, match = "{server: {ip: 10.244.1.7}}"): number => {
    const judge = new Judge([reset(match)], { cluster, interfaces });
    judge.reset({ server: WEB, taps: [7, 7], directions: [Out, In], ...flow });
    return judge.decider.decision.delayMs;
  };
  it.each<[number, string, string]>([
    [20, "the sensor of the client pod's node", FAR],
    [0, "this one, of a client outside", OUTSIDE],
  ])("waits %i ms: %s", (expected, _, client) => {
    expect(delay({ client })).toBe(expected);
  });

  it("this one, where the server is chosen by its pod, which the other does not know", () => {
    const byPod = "{server: {podSelector: {matchLabels: {app: web}}}}";
    expect(delay({ client: FAR }, byPod)).toBe(0);
    expect(delay({ client: FAR, flags: FlowFlag.BothWays | FlowFlag.Inferred }, byPod)).toBe(20);
  });

  const rule = (direction: string, name = "r") => `{name: ${name}, ports: ['80'], direction: ${direction}, connection: {phase: Established}}`;
  const pods = "subject: {podSelector: {matchLabels: {app: web}}}";
  it.each<[number, string, string]>([
    [0, "a tenant's rule about its pods as servers", policy({ spec: ["mode: Enforce", pods], rules: [rule("Inbound")] })],
    [20, "a rule about its pods as clients too", policy({ spec: ["mode: Enforce", pods], rules: [rule("Any")] })],
    [20, "one rule of both kinds each", policy({ spec: ["mode: Enforce", pods], rules: [rule("Inbound"), rule("Any", "s")] })],
    [0, "a cluster's rule about pods as servers", policy({ cluster: true, spec: ["mode: Enforce", pods], rules: [rule("Inbound")] })],
    [20, "a cluster's rule about addresses, which the other sensor knows", policy({ cluster: true, spec: ["mode: Enforce", "subject: {cidrs: [10.244.0.0/16]}"], rules: [rule("Inbound")] })],
    [20, "a cluster's rule about nodes' own traffic too", policy({ cluster: true, spec: ["mode: Enforce", "subject: {podSelector: {matchLabels: {app: web}}, nodeTraffic: true}"], rules: [rule("Inbound")] })],
  ])("waits %i ms: %s", (expected, _, text) => {
    const judge = new Judge([text], { cluster, interfaces });
    expect(judge.connect({ client: FAR, server: WEB, taps: [7, 7], directions: [Out, In] })).toBe("Reset");
    expect(judge.decider.decision.delayMs).toBe(expected);
  });

  it("this one, of a client of its own", () => {
    expect(delay({ client: THEIRS, taps: [9, 7], directions: [In, In] })).toBe(0);
  });
});
