/** Topologies with a wire in user space (relay.c): a far outside, an uplink without Ethernet header, a mirror port. */
import { accessSync, constants } from "node:fs";
import type { Lab } from "../lab.ts";
import { CLIENT_NUMBER, PODS, SERVER_NUMBER, Station } from "../network.ts";
import type { Network } from "../network.ts";
import type { LabProcess } from "../process.ts";
import { addBridgePod, bridge, nodeAddresses, outsideStation } from "./bridge.ts";
import { addressScript, outsideAddressScript, ROUTES_TO_PODS, routerScript } from "./shell.ts";

export interface WireOptions {
  /** Each way. */
  delayMs?: number;
  /** Frames of a thousand that are lost, or that arrive 3 ms after their followers. */
  lossPerMille?: number;
  reorderPerMille?: number;
  /** The same seed picks the same frames. */
  seed?: number;
}

export interface WireNetwork extends Network {
  /** The relay; when it is stopped the wire is cut. Its output has counters then. */
  relay: LabProcess;
}

function relayArguments(options: WireOptions): string[] {
  return [
    "--delay-us", String(Math.round((options.delayMs ?? 0) * 1000)), "--loss", String(options.lossPerMille ?? 0),
    "--reorder", String(options.reorderPerMille ?? 0), "--seed", String(options.seed ?? 1),
  ];
}

/** The bridge whose outside machine is `delayMs` (20 unless told) away; what crosses that wire is of MTU size. */
export async function delay(lab: Lab, options: WireOptions = {}): Promise<WireNetwork> {
  const node = await lab.namespace("node");
  await lab.script(`
newns outside
newns wire
ip link add up0 netns node type veth peer name w0 index 901 netns wire
ip link add eth0 netns outside type veth peer name w1 index 902 netns wire
for d in w0 w1; do at wire sh -c "echo 1 >/proc/sys/net/ipv6/conf/$d/disable_ipv6"; ip -n wire link set $d up; done
ip -n node link set up0 gso_max_segs 1
ip -n outside link set eth0 gso_max_segs 1
ip -n node link add br0 type bridge
${addressScript("node", "br0", `${PODS.ipv4}.1/24`, `${PODS.ipv6}:1/64`)}
${outsideAddressScript("node", "up0", "eth0")}
${ROUTES_TO_PODS}
${routerScript("node")}`);
  const relay = await lab.startProgram("relay", [...relayArguments({ delayMs: 20, ...options }), "packet:wire:w0", "packet:wire:w1"]);
  return { ...(await bridgeParts(lab)), node, outside: outsideStation(lab), devices: { uplink: "up0", bridge: "br0" }, relay };
}

/** Why this user cannot have a tun device, or undefined. */
export function tunUnsupported(): string | undefined {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return `Load the module tun and allow /dev/net/tun to all (mode 666), or run as root: ${(error as Error).message}`;
  }
}

/** The bridge whose uplink is a tun device: frames without Ethernet header, as on WireGuard or IP-in-IP. */
export async function tun(lab: Lab, options: WireOptions = {}): Promise<WireNetwork> {
  const unsupported = tunUnsupported();
  if (unsupported !== undefined) throw new Error(unsupported);
  const node = await lab.namespace("node");
  await lab.script(`
newns outside
ip -n node link add br0 type bridge
${addressScript("node", "br0", `${PODS.ipv4}.1/24`, `${PODS.ipv6}:1/64`)}`);
  const relay = await lab.startProgram("relay", [...relayArguments(options), "tun:node:tun0", "tun:outside:tun0"]);
  await lab.script(`
${outsideAddressScript("node", "tun0", "tun0")}
${ROUTES_TO_PODS}
${routerScript("node")}`);
  const outside = outsideStation(lab, "tun0", "tun0");
  return { ...(await bridgeParts(lab)), node, outside, devices: { uplink: "tun0", bridge: "br0", tunnel: "tun0" }, relay };
}

async function bridgeParts(lab: Lab): Promise<Omit<Network, "node" | "outside" | "devices">> {
  await lab.settled("outside");
  const addPod = (name: string, number: number) => addBridgePod(lab, "node", name, number);
  return {
    lab,
    client: await addPod("client", CLIENT_NUMBER),
    server: await addPod("server", SERVER_NUMBER),
    nodeAddresses: nodeAddresses(),
    addPod,
    removePod: (name) => lab.removeNamespace(name),
  };
}

export interface MirrorOptions {
  /** How the copies arrive: as they were, with a VLAN tag (a trunk's), or in VXLAN (a cloud's). Plain unless told. */
  wrapped?: "plain" | "vlan" | "vxlan";
}

/** The tunnel in which a cloud's mirror sends its copies to the collector, larger than any frame. */
const MIRROR_TUNNEL = `
ip -n node addr add 192.0.2.1/24 dev mirror0
ip -n switch addr add 192.0.2.2/24 dev span0
ip -n switch link add tunnel0 mtu 1600 type vxlan id 7 dstport 4789 local 192.0.2.2 remote 192.0.2.1 dev span0
at switch sh -c "echo 1 >/proc/sys/net/ipv6/conf/tunnel0/disable_ipv6"
ip -n switch link set tunnel0 up`;

/**
 * The bridge is a switch of its own (namespace `switch`), and the sensor's machine `node` a station of it, with
 * eth0 to send by and `mirror0`, which receives a copy of every frame that crosses the client's port.
 */
export async function mirror(lab: Lab, { wrapped = "plain" }: MirrorOptions = {}): Promise<WireNetwork> {
  const network = await bridge(lab, { nodeName: "switch" });
  const sensor = await addBridgePod(lab, "switch", "node", 2);
  await lab.script(`
ip link add mirror0 netns node mtu 9000 type veth peer name span0 netns switch mtu 9000
for n in node:mirror0 switch:span0; do
  at \${n%:*} sh -c "echo 1 >/proc/sys/net/ipv6/conf/\${n#*:}/disable_ipv6"
  ip -n \${n%:*} link set \${n#*:} up
done
at node sh -c 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done'
${wrapped === "vxlan" ? MIRROR_TUNNEL : ""}`);
  const words = wrapped === "vlan" ? ["--vlan", "42"] : [];
  const relay = await lab.startProgram("relay", ["--copy", ...words, "packet:switch:vclient", `packet:switch:${wrapped === "vxlan" ? "tunnel0" : "span0"}`]);
  return {
    ...network,
    node: sensor.namespace,
    client: seenBy(network.client),
    server: seenBy(network.server),
    outside: seenBy(network.outside),
    devices: { uplink: "eth0", mirror: "mirror0" },
    nodeAddresses: { podIpv4: sensor.ipv4, podIpv6: sensor.ipv6, uplinkIpv4: sensor.ipv4, uplinkIpv6: sensor.ipv6 },
    relay,
  };
}

/** All that the sensor's machine has of a station is the mirror port. */
function seenBy(station: Station): Station {
  return new Station(station.namespace, station.ipv4, station.ipv6, station.device, "mirror0");
}
