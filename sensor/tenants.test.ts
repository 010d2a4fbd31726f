import { describe, expect, it } from "vitest";
import { TcpFlag } from "./decode/mod.ts";
import { policy } from "./decide/objects.fixture.ts";
import { heardOf, NODE_ADDRESS, NodeWorld, type Pod, START_MS, UPLINK } from "./node.fixture.ts";

const RED = "10.244.1.7";
const BLUE = "10.244.1.8";
const OUTSIDE = "203.0.113.9";
const established = "{name: r, ports: ['80'], connection: {phase: Established}}";
const handshake = "{name: r, ports: ['80'], connection: {phase: Handshake}}";
const signed = "{name: r, signature: {rules: ['alert tcp any any -> any any (content:\"EVIL\"; sid:1;)']}}";
const { Syn, Ack } = TcpFlag;

const red = (more: Partial<Pod> = {}): Pod => ({ uid: "red-1", namespace: "red", labels: { app: "web" }, address: RED, readyMs: START_MS - 60_000, index: 7, ...more });
const blue = (more: Partial<Pod> = {}): Pod => ({ uid: "blue-1", namespace: "blue", labels: { app: "db" }, address: BLUE, readyMs: START_MS - 60_000, index: 8, ...more });
const enforce = (rule: string, ...spec: readonly string[]) => ({ spec: ["mode: Enforce", ...spec], rules: [rule] });
const reds = (rule: string, ...spec: readonly string[]) => policy({ namespace: "red", ...enforce(rule, ...spec) });
const clusters = (rule: string, ...spec: readonly string[]) => policy({ cluster: true, ...enforce(rule, ...spec) });

function world(text: string, pods: readonly Pod[] = [red(), blue()]): NodeWorld {
  const node = new NodeWorld([text]);
  node.hearTopology(pods);
  node.hearPods(pods.map((pod) => heardOf(pod)));
  return node;
}

describe("a policy's subject", () => {
  const toRed = (node: NodeWorld) => node.talk(OUTSIDE, UPLINK, RED, 7);
  const fromBlue = (node: NodeWorld) => node.talk(BLUE, 8, OUTSIDE, UPLINK);
  const ofNode = (node: NodeWorld) => node.talk(NODE_ADDRESS, UPLINK, OUTSIDE, UPLINK);
  it.each<[boolean, string, string, (node: NodeWorld) => void]>([
    [true, "all pods of its namespace without a selector", reds(established), toRed],
    [false, "no pod of another namespace", reds(established), fromBlue],
    [false, "nobody who is no pod", reds(established), ofNode],
    [true, "a pod by its labels", reds(established, "subject: {podSelector: {matchLabels: {app: web}}}"), toRed],
    [false, "no pod with other labels", reds(established, "subject: {podSelector: {matchLabels: {app: db}}}"), toRed],
    [false, "no neighbour by the neighbour's labels", reds(established, "subject: {podSelector: {matchLabels: {app: db}}}"), fromBlue],
    [true, "NotIn holds for what has no such label", reds(established, "subject: {podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [a]}]}}"), toRed],
    [false, "no neighbour by address", reds(established, `subject: {cidrs: [${BLUE}/32]}`), fromBlue],
    [false, "no neighbour as the far end of nobody", reds("{name: r, peers: {cidrs: [0.0.0.0/0]}, connection: {phase: Established, client: {cidrs: [10.0.0.0/8]}}}"), fromBlue],
    [true, "its service account", reds(established, "subject: {serviceAccounts: [default]}"), toRed],
    [false, "no other service account", reds(established, "subject: {serviceAccounts: [admin]}"), toRed],
    [true, "of a cluster policy anybody", clusters(established), ofNode],
    [true, "of a cluster policy pods by namespace", clusters(established, "subject: {namespaceSelector: {matchLabels: {team: blue}}}"), fromBlue],
    [false, "of a cluster policy no other namespace", clusters(established, "subject: {namespaceSelector: {matchLabels: {team: blue}}}"), toRed],
    [true, "the node itself", clusters(established, "subject: {nodeTraffic: true}"), ofNode],
    [false, "the node alone, no pod", clusters(established, "subject: {nodeTraffic: true}"), fromBlue],
    [true, "the node beside its pods", clusters(established, "subject: {nodeTraffic: true, podSelector: {}}"), fromBlue],
    [true, "anybody on a node that is selected", clusters(established, "subject: {nodeSelector: {matchLabels: {disk: ssd}}}"), ofNode],
    [false, "nobody on a node that is not", clusters(established, "subject: {nodeSelector: {matchLabels: {disk: hdd}}}"), fromBlue],
  ])("%s: %s", (fires, _, text, play) => {
    const node = world(text);
    play(node);
    expect(node.drain().map((told) => told.split(" ")[0])).toEqual(fires ? ["Reset"] : []);
  });

  it("is refused at the SYN where it is the client, or the far client's call is seen to leave for it", () => {
    const node = world(reds(handshake));
    node.see({ from: RED, to: OUTSIDE, flags: Syn, sequence: 5 }, 7, "in");
    node.see({ from: OUTSIDE, to: RED, flags: Syn, sequence: 6 }, UPLINK, "in");
    node.see({ from: OUTSIDE, to: RED, flags: Syn, sequence: 6 }, 7, "out");
    expect(node.drain()).toEqual(["Refuse red/test", "Refuse red/test"]);
  });

  it("called by a neighbour is known by its answer, from its own interface", () => {
    const node = world(reds(handshake));
    node.pass({ from: BLUE, to: RED, flags: Syn, sequence: 5 }, 8, 7);
    expect(node.drain()).toEqual([]);
    node.see({ from: RED, to: BLUE, ports: [80, 40_000], flags: Syn | Ack, sequence: 9, acknowledgement: 6 }, 7, "in");
    expect(node.drain()).toEqual(["Refuse red/test"]);
  });

  it("may not be held back from enforcing by its namespace, or only counts", () => {
    const node = new NodeWorld([reds(established)]);
    node.enforceable = (namespace) => namespace !== "red";
    node.hearTopology([red()]);
    node.hearPods([heardOf(red())]);
    toRed(node);
    expect(node.drain()).toEqual(["WouldReset(NamespaceNotEnforced) red/test"]);
  });
});

describe("whose an address is", () => {
  const owner = red();
  const heir = blue({ address: RED, index: 9 });
  /** Red's pod was there and known; it ends, and blue's gets its address on a new interface, told in every order. */
  it.each<[string, (node: NodeWorld) => void]>([
    ["both told", (node) => (node.hearTopology([heir]), node.hearPods([heardOf(heir)]))],
    ["the pods told first", (node) => (node.hearPods([heardOf(heir)]), node.hearTopology([heir]))],
    ["rtnetlink alone", (node) => node.hearTopology([heir])],
    ["the API server alone", (node) => node.hearPods([heardOf(heir)])],
    ["nothing told", () => {}],
    ["the heir told without its address", (node) => (node.hearTopology([heir]), node.hearPods([heardOf(owner), heardOf(heir, false)]))],
    ["both pods told, the owner still running", (node) => (node.hearTopology([heir]), node.hearPods([heardOf(owner), heardOf(heir)]))],
    ["the API server gone, rtnetlink told", (node) => ((node.isLive = false), node.hearTopology([heir]), node.hearPods([heardOf(owner)]))],
    ["the API server gone and back", (node) => ((node.isLive = false), node.hearTopology([heir]), node.renew(), (node.isLive = true), node.hearPods([heardOf(owner), heardOf(heir)]))],
    ["the owner told again after the heir's interface", (node) => (node.hearTopology([heir]), node.hearPods([]), node.hearPods([heardOf(owner)]))],
  ])("is not red's any more: %s", (_, told) => {
    const node = world(reds(established), [owner]);
    node.talk(OUTSIDE, UPLINK, RED, 7);
    expect(node.drain()).toEqual(["Reset red/test"]);
    told(node);
    node.talk(OUTSIDE, UPLINK, RED, 9, "", 900_000);
    node.talk(RED, 9, "203.0.113.10", UPLINK, "", 1_900_000);
    node.hearTopology([heir]);
    for (let turn = 0; turn < 20; turn++) node.turn();
    expect(node.drain()).toEqual([]);
  });

  it("is red's again on the interface that was red's from the start, API server or not", () => {
    const node = world(reds(established), [owner]);
    node.isLive = false;
    node.renew();
    node.talk(OUTSIDE, UPLINK, RED, 7);
    expect(node.drain()).toEqual(["Reset red/test"]);
  });

  it("is held for the pod that it was, not for the next one", () => {
    const node = world(reds(signed, "respond: {reset: {hold: 60s}}"), [owner]);
    const held = () => node.pipeline.injector.counters.heldSyns;
    const calls = (port: number, index: number) => node.pass({ from: OUTSIDE, to: RED, ports: [port, 80], flags: Syn, sequence: port }, UPLINK, index);
    node.talk(OUTSIDE, UPLINK, RED, 7, "EVIL");
    expect(node.drain()).toEqual(["Reset red/test"]);
    calls(40_001, 7);
    expect(held()).toBe(1);
    node.hearTopology([heir]);
    calls(40_002, 9);
    node.hearPods([heardOf(heir)]);
    calls(40_003, 9);
    expect(held()).toBe(1);
  });

  it("is held for a neighbour's call when it answers, at its own interface", () => {
    const node = world(reds(signed, "respond: {reset: {hold: 60s}}"));
    node.talk(BLUE, 8, RED, 7, "EVIL");
    expect(node.drain()).toEqual(["Reset red/test"]);
    node.pass({ from: BLUE, to: RED, ports: [40_001, 80], flags: Syn, sequence: 5 }, 8, 7);
    expect(node.pipeline.injector.counters.heldSyns).toBe(0);
    node.see({ from: RED, to: BLUE, ports: [80, 40_001], flags: Syn | Ack, sequence: 9, acknowledgement: 6 }, 7, "in");
    expect(node.pipeline.injector.counters.heldSyns).toBe(1);
  });

  it("is nobody's when its pod is deleted and the interface still there", () => {
    const node = world(reds(established), [owner]);
    node.hearPods([]);
    node.talk(OUTSIDE, UPLINK, RED, 7);
    expect(node.drain()).toEqual([]);
  });

  it("is not a host-network pod's, which shares the node's", () => {
    const node = world(reds(established), [red({ address: NODE_ADDRESS, index: UPLINK })]);
    node.talk(OUTSIDE, UPLINK, NODE_ADDRESS, UPLINK);
    node.talk(NODE_ADDRESS, UPLINK, OUTSIDE, UPLINK, "", 500_000);
    expect(node.drain()).toEqual([]);
  });

  it("is not proved by packets that a neighbour forges with it", () => {
    const node = world(reds(established));
    node.talk(BLUE, 8, OUTSIDE, UPLINK);
    node.pass({ from: RED, to: OUTSIDE, flags: Syn, sequence: 5 }, 8, UPLINK);
    node.pass({ from: RED, to: OUTSIDE, flags: Ack, sequence: 6, acknowledgement: 6, text: "forged" }, 8, UPLINK);
    expect(node.drain()).toEqual([]);
    expect(node.pipeline.tracker.refused[4]).toBeGreaterThan(0);
  });

  it("is not shared by a connection that a pod joins to a neighbour's by copying its numbers", () => {
    const node = world(reds(signed));
    // Blue's real connection; red sends a SYN with the same number to the same server.
    node.talk(BLUE, 8, OUTSIDE, UPLINK, "hello", 1_000);
    node.pass({ from: RED, to: OUTSIDE, flags: Syn, sequence: 1_000 }, 7, UPLINK);
    node.pass({ from: BLUE, to: OUTSIDE, flags: Ack, sequence: 1_006, acknowledgement: 71_001, text: "EVIL" }, 8, UPLINK);
    expect(node.drain().filter((told) => told.startsWith("Reset"))).toEqual([]);
  });
});

describe("what a pod did before it was known", () => {
  const late = (text: string) => {
    const node = new NodeWorld([text]);
    node.hearTopology([red(), blue()]);
    node.hearPods([heardOf(red(), false), heardOf(blue())]);
    return node;
  };
  it.each<[string, string, string, string]>([
    ["a connection rule", established, "hello", "Reset red/test"],
    ["a handshake rule", handshake, "hello", "Reset red/test"],
    ["a signature in bytes that have gone by", signed, "xxEVILxx", "Reset red/test"],
  ])("%s fires once when its identity comes", (_, rule, text, expected) => {
    const node = late(reds(rule));
    node.talk(OUTSIDE, UPLINK, RED, 7, text);
    expect(node.drain()).toEqual([]);
    node.nowMs += 700;
    node.hearPods([heardOf(red()), heardOf(blue())]);
    expect(node.drain()).toEqual([expected]);
    node.hearPods([heardOf(red()), heardOf(blue())]);
    expect(node.drain()).toEqual([]);
    expect(node.gapsMs).toHaveLength(1);
    expect(node.gapsMs[0]).toBeGreaterThan(700);
  });

  it("a signature half of whose bytes have gone by fires when the rest comes", () => {
    const node = late(reds(signed));
    node.talk(OUTSIDE, UPLINK, RED, 7, "xxEV");
    node.hearPods([heardOf(red()), heardOf(blue())]);
    node.pass({ from: OUTSIDE, to: RED, flags: Ack, sequence: 1_005, acknowledgement: 71_001, text: "IL" }, UPLINK, 7);
    expect(node.drain()).toEqual(["Reset red/test"]);
  });

  it.each<[string, (node: NodeWorld) => void]>([
    ["nothing changes", () => {}],
    ["pods come and go", (node) => node.hearPods([heardOf(red()), heardOf(blue({ uid: "blue-2" }))])],
    ["another policy comes before it", (node) => node.write([policy({ name: "a", cluster: true, rules: [established] }), clusters(signed)])],
  ])("a signature of a connection that was not seen alive yet fires when it is, though %s meanwhile", (_, change) => {
    const node = world(clusters(signed));
    node.pass({ from: OUTSIDE, to: RED, flags: Ack, sequence: 1_001, acknowledgement: 71_001, text: "EVIL" }, UPLINK, 7);
    expect(node.drain()).toEqual(["Suppress(NotSeenAlive) /test"]);
    change(node);
    node.drain();
    node.pass({ from: RED, to: OUTSIDE, ports: [80, 40_000], flags: Ack, sequence: 71_001, acknowledgement: 1_005 }, 7, UPLINK);
    node.pass({ from: OUTSIDE, to: RED, flags: Ack, sequence: 1_005, acknowledgement: 71_001, text: "more" }, UPLINK, 7);
    node.pass({ from: RED, to: OUTSIDE, ports: [80, 40_000], flags: Ack, sequence: 71_001, acknowledgement: 1_009, text: "yes" }, 7, UPLINK);
    node.pass({ from: OUTSIDE, to: RED, flags: Ack, sequence: 1_009, acknowledgement: 71_004, text: "more" }, UPLINK, 7);
    for (let milliseconds = 0; milliseconds < 200; milliseconds++) node.turn();
    expect(node.drain().filter((told) => told.startsWith("Reset"))).toEqual(["Reset /test"]);
  });

  it("fires for nobody where it turns out to be another's", () => {
    const node = late(reds(signed));
    const other = red({ uid: "blue-2", namespace: "blue" });
    node.hearPods([heardOf(other, false)]);
    node.talk(OUTSIDE, UPLINK, RED, 7, "EVIL");
    node.hearPods([heardOf(other)]);
    expect(node.drain()).toEqual([]);
  });

  it("tells what selects a pod anew when it is labelled, on its connections of before", () => {
    const node = world(reds(established, "subject: {podSelector: {matchLabels: {quarantine: yes1}}}"));
    node.talk(OUTSIDE, UPLINK, RED, 7);
    node.hearPods([heardOf(red({ labels: { app: "web", quarantine: "yes1" } }))]);
    expect(node.drain()).toEqual(["Reset red/test"]);
  });

  it("does not repeat what fired when a pod is labelled anew", () => {
    const node = world(reds(established, "subject: {podSelector: {matchLabels: {app: web}}}"));
    node.talk(OUTSIDE, UPLINK, RED, 7);
    expect(node.drain()).toEqual(["Reset red/test"]);
    node.hearPods([heardOf(red({ labels: { app: "web", more: "x" } }))]);
    expect(node.drain()).toEqual([]);
  });

  it("takes a connection between two pods for both, once each", () => {
    const node = new NodeWorld([reds(established), policy({ namespace: "blue", ...enforce(established) })]);
    const [one, other] = [red({ readyMs: START_MS }), blue({ readyMs: START_MS })];
    node.hearTopology([]);
    node.hearPods([heardOf(one, false), heardOf(other, false)]);
    node.hearTopology([one, other]);
    node.talk(BLUE, 8, RED, 7);
    node.hearPods([heardOf(one), heardOf(other, false)]);
    expect(node.drain()).toEqual(["Reset red/test"]);
    node.hearPods([heardOf(one), heardOf(other)]);
    expect(node.drain()).toEqual(["Suppress(AlreadyBeingReset) blue/test"]);
  });
});
