/** In every topology, by IPv4 and IPv6: the right connection dies at both ends, proved, and its neighbour does not. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, test } from "vitest";
import { identity } from "./enter.ts";
import { Ground, WAYS } from "./killing/ground.ts";
import type { GroundOptions, Way } from "./killing/ground.ts";
import { FAMILIES } from "./killing/sessions.ts";
import type { Path } from "./killing/sessions.ts";
import { bridge, Lab, masquerade, mirror, nodePort, pointToPoint, redirectPeer, Station, tun, tunUnsupported, vlanUnsupported, vxlan } from "./mod.ts";
import type { Network, OverlayNetwork, ServiceNetwork } from "./mod.ts";

interface Case<N extends Network> {
  readonly title: string;
  readonly make: (lab: Lab) => Promise<N>;
  readonly paths: Readonly<Record<string, (net: N) => Path>>;
  readonly options?: (net: N) => GroundOptions;
  readonly unsupported?: string | undefined;
  readonly ways?: readonly Way[];
}

/** Without br_netfilter what stays on one bridge passes no connection tracking. */
const BRIDGES_TRACK = existsSync("/proc/sys/net/bridge");
/** Where nothing is translated it makes no difference which side gives itself away. */
const FEW_WAYS = WAYS.filter((way) => way !== "a signature in the answer");

const onOneBridge = ({ client: from, server: to }: Network): Path => ({ from, to, tracked: BRIDGES_TRACK });
const podToPod = ({ client: from, server: to }: Network): Path => ({ from, to });
const podToOutside = ({ client: from, outside: to }: Network): Path => ({ from, to });
const outsideToPod = ({ outside: from, server: to }: Network): Path => ({ from, to });
const podToVip = (net: ServiceNetwork): Path => ({ ...podToPod(net), calls: { ipv4: net.vipIpv4, ipv6: net.vipIpv6, port: net.vipPort } });
const outsideToNodePort = (net: ServiceNetwork): Path => ({
  ...outsideToPod(net),
  calls: { ipv4: net.nodeAddresses.uplinkIpv4, ipv6: net.nodeAddresses.uplinkIpv6, port: net.nodePort },
});
const node = ({ node: namespace, nodeAddresses: at, devices }: Network): Station => new Station(namespace, at.uplinkIpv4, at.uplinkIpv6, devices.uplink, "lo");
const loopback = ({ node: namespace }: Network): Station => new Station(namespace, "127.0.0.1", "::1", "lo", "lo");
/** bpf_redirect_peer passes by the node's netfilter. */
const untracked = (path: (net: Network) => Path) => (net: Network): Path => ({ ...path(net), tracked: false });

const atMirror = (net: Network): GroundOptions => ({
  arguments: ["--capture-only", net.devices.mirror!, "--inject", "route"],
  trackers: [net.lab.adoptNamespace("switch")],
});
const bySwitch = { "pod to pod": onOneBridge, "pod to outside": podToOutside };

const CASES = [
  row({ title: "a bridge", make: bridge, paths: { "pod to pod": onOneBridge, "pod to outside": podToOutside, "outside to pod": outsideToPod } }),
  row({ title: "the node's own sockets", make: bridge, paths: {
    "pod to node": (net) => ({ from: net.client, to: node(net) }),
    "node to pod": (net) => ({ from: node(net), to: net.server }),
    "node to outside": (net) => ({ from: node(net), to: net.outside }),
    "outside to node": (net) => ({ from: net.outside, to: node(net) }),
    "node to its own address": (net) => ({ from: node(net), to: node(net) }),
    "node to localhost": (net) => ({ from: loopback(net), to: loopback(net) }),
  } }),
  row({ title: "point-to-point veths", make: pointToPoint, paths: { "pod to pod": podToPod, "pod to outside": podToOutside } }),
  row({ title: "masquerade", ways: WAYS, make: masquerade, paths: { "pod to outside": podToOutside } }),
  row({ title: "a service", ways: WAYS, make: nodePort, paths: { "pod to ClusterIP": podToVip, "outside to NodePort": outsideToNodePort } }),
  row({ title: "a masqueraded service", ways: WAYS, make: (lab: Lab) => nodePort(lab, { masquerade: true }), paths: { "outside to NodePort": outsideToNodePort } }),
  row({ title: "a service of routed pods", ways: WAYS, make: (lab: Lab) => nodePort(lab, { routed: true }), paths: { "pod to ClusterIP": podToVip, "outside to NodePort": outsideToNodePort } }),
  row({
    title: "a VXLAN overlay", make: vxlan, paths: { "pod to a pod of the other node": podToPod, "pod to outside": podToOutside },
    options: (net: OverlayNetwork) => ({ trackers: [net.node, net.node2] }),
  }),
  row({ title: "a tun uplink", make: tun, paths: { "pod to outside": podToOutside, "outside to pod": outsideToPod }, unsupported: tunUnsupported() }),
  row({ title: "a VLAN uplink", make: (lab: Lab) => bridge(lab, { uplinkVlan: 42 }), paths: { "pod to outside": podToOutside, "outside to pod": outsideToPod }, unsupported: await noVlan() }),
  row({
    title: "redirect_peer", make: redirectPeer, unsupported: identity() === "root" ? undefined : "redirectPeer needs real root (eBPF)",
    paths: { "pod to pod": untracked(podToPod), "pod to outside": untracked(podToOutside), "outside to pod": untracked(outsideToPod) },
  }),
  row({ title: "a mirror port", make: mirror, paths: bySwitch, options: atMirror }),
  row({ title: "a mirror port of tagged frames", make: (lab: Lab) => mirror(lab, { wrapped: "vlan" }), paths: bySwitch, options: atMirror }),
  row({ title: "a mirror port wrapped in VXLAN", make: (lab: Lab) => mirror(lab, { wrapped: "vxlan" }), paths: bySwitch, options: atMirror }),
  row({ title: "a sensor with two Workers", ways: WAYS, make: pointToPoint, paths: { "pod to pod": podToPod, "pod to outside": podToOutside }, options: () => ({ arguments: ["--workers", "2"] }) }),
  row({
    title: "a sensor with CAP_NET_RAW alone", make: masquerade, paths: { "pod to pod": onOneBridge, "pod to outside": podToOutside, "node to localhost": (net) => ({ from: loopback(net), to: loopback(net) }) },
    options: () => ({ under: ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+net_raw"] }),
  }),
];

async function noVlan(): Promise<string | undefined> {
  await using lab = await Lab.open();
  return vlanUnsupported(lab);
}

/** Keeps what a topology hands out known to its paths. */
function row<N extends Network>({ title, make, paths, options, unsupported, ways = FEW_WAYS }: Case<N>) {
  return { title, unsupported, ways, names: Object.keys(paths), open: async () => {
    const net = await make(await Lab.open(["cc", "conntrack"]));
    const made = Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, path(net)]));
    return { ground: await Ground.open(net, made, options?.(net)), paths: made };
  } };
}

for (const { title, unsupported, ways, names, open } of CASES) {
  if (unsupported !== undefined) console.log(`skipped: ${title}: ${unsupported}`);
  describe.skipIf(unsupported !== undefined)(`by ${title}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => (opened = await open()));
    afterAll(() => opened?.ground.close());
    const lines = names.flatMap((name) => FAMILIES.flatMap((family) => ways.map((way) => ({ name, family, way }))));
    test.each(lines)("$name dies of $way, $family, and its neighbour lives", async ({ name, family, way }) => {
      await opened.ground.kills(name, opened.paths[name]!, family, way);
    });
  });
}
