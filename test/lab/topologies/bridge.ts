/** Pods on a bridge of the node, as the CNI plugins `bridge`, flannel and Docker do it; uplink to the outside. */
import type { Lab } from "../lab.ts";
import { CLIENT_NUMBER, OUTSIDE_NUMBER, PODS, SERVER_NUMBER, Station, WIRE } from "../network.ts";
import type { Network } from "../network.ts";
import { addressScript, outsideScript, ROUTES_TO_PODS, routerScript, vlanOutsideScript } from "./shell.ts";

export interface BridgeOptions {
  /** False: the outside has no route to the pods. */
  routesToPods?: boolean;
  /** The namespace that holds the bridge; "node" unless told. */
  nodeName?: string;
  /** The wire to the outside carries this VLAN (802.1Q), each end a VLAN device on it. */
  uplinkVlan?: number;
}

/** Why this machine cannot have VLAN devices, or undefined. */
export async function vlanUnsupported(lab: Lab): Promise<string | undefined> {
  const { code, stderr } = await lab.run(["ip", "link", "add", "link", "lo", "name", "vlan-probe", "type", "vlan", "id", "5"], { check: false });
  if (code === 0) await lab.run(["ip", "link", "delete", "vlan-probe"]);
  return code === 0 ? undefined : `Load the module 8021q: ${stderr.trim()}`;
}

/** br0 with vclient and vserver, up0 to the outside. */
export async function bridge(lab: Lab, options: BridgeOptions = {}): Promise<Network> {
  const name = options.nodeName ?? "node";
  const node = await lab.namespace(name);
  await lab.script(`
ip -n ${name} link add br0 type bridge
${addressScript(name, "br0", `${PODS.ipv4}.1/24`, `${PODS.ipv6}:1/64`)}
${options.uplinkVlan === undefined ? outsideScript(name) : vlanOutsideScript(name, options.uplinkVlan)}
${options.routesToPods === false ? "" : ROUTES_TO_PODS}
${routerScript(name)}`);
  const addPod = (pod: string, number: number) => addBridgePod(lab, name, pod, number);
  await lab.settled("outside");
  return {
    lab,
    node,
    client: await addPod("client", CLIENT_NUMBER),
    server: await addPod("server", SERVER_NUMBER),
    outside: options.uplinkVlan === undefined ? outsideStation(lab) : outsideStation(lab, "vlan0", "vlan0"),
    devices: { uplink: options.uplinkVlan === undefined ? "up0" : "vlan0", bridge: "br0" },
    nodeAddresses: nodeAddresses(),
    addPod,
    removePod: (pod) => lab.removeNamespace(pod),
  };
}

/** A pod `name` whose veth `v<name>` is a port of br0 of the namespace `node`. */
export async function addBridgePod(
  lab: Lab,
  node: string,
  name: string,
  number: number,
  pods: { ipv4: string; ipv6: string } = PODS,
): Promise<Station> {
  const namespace = await lab.namespace(name);
  await lab.script(`
ip link add v${name} netns ${node} type veth peer name eth0 index ${100 + number} netns ${name}
ip -n ${node} link set v${name} master br0 up
${addressScript(name, "eth0", `${pods.ipv4}.${number}/24`, `${pods.ipv6}:${number}/64`)}
ip -n ${name} route add default via ${pods.ipv4}.1
ip -n ${name} -6 route add default via ${pods.ipv6}:1`);
  await lab.settled(node, name);
  return new Station(namespace, `${pods.ipv4}.${number}`, `${pods.ipv6}:${number}`, "eth0", `v${name}`);
}

export function outsideStation(lab: Lab, device = "eth0", nodeDevice = "up0"): Station {
  const namespace = lab.adoptNamespace("outside");
  return new Station(namespace, `${WIRE.ipv4}.${OUTSIDE_NUMBER}`, `${WIRE.ipv6}:${OUTSIDE_NUMBER}`, device, nodeDevice);
}

export function nodeAddresses(): Network["nodeAddresses"] {
  return { podIpv4: `${PODS.ipv4}.1`, podIpv6: `${PODS.ipv6}:1`, uplinkIpv4: `${WIRE.ipv4}.1`, uplinkIpv6: `${WIRE.ipv6}:1` };
}
