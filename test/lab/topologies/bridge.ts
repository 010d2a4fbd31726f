/** Pods on a bridge of the node, as the CNI plugins `bridge`, flannel and Docker do it; uplink to the outside. */
import type { Lab } from "../lab.ts";
import {
  addressScript, CLIENT_NUMBER, outsideScript, OUTSIDE_NUMBER, PODS, ROUTES_TO_PODS, routerScript, SERVER_NUMBER,
  Station, WIRE,
} from "../network.ts";
import type { Network } from "../network.ts";

export interface BridgeOptions {
  /** False: the outside has no route to the pods. */
  routesToPods?: boolean;
}

/** br0 with vclient and vserver, up0 to the outside. */
export async function bridge(lab: Lab, options: BridgeOptions = {}): Promise<Network> {
  const node = await lab.namespace("node");
  await lab.script(`
ip -n node link add br0 type bridge
${addressScript("node", "br0", `${PODS.ipv4}.1/24`, `${PODS.ipv6}:1/64`)}
${outsideScript("node")}
${options.routesToPods === false ? "" : ROUTES_TO_PODS}
${routerScript("node")}`);
  return {
    lab,
    node,
    client: await addBridgePod(lab, "node", "client", CLIENT_NUMBER),
    server: await addBridgePod(lab, "node", "server", SERVER_NUMBER),
    outside: outsideStation(lab),
    devices: { uplink: "up0", bridge: "br0" },
    nodeAddresses: nodeAddresses(),
    addPod: (name, number) => addBridgePod(lab, "node", name, number),
    removePod: (name) => lab.removeNamespace(name),
  };
}

/** A pod `name` whose veth `v<name>` is a port of br0 of the namespace `node`. */
export async function addBridgePod(lab: Lab, node: string, name: string, number: number, pods = PODS): Promise<Station> {
  const namespace = await lab.namespace(name);
  await lab.script(`
ip link add v${name} netns ${node} type veth peer name eth0 netns ${name}
ip -n ${node} link set v${name} master br0 up
${addressScript(name, "eth0", `${pods.ipv4}.${number}/24`, `${pods.ipv6}:${number}/64`)}
ip -n ${name} route add default via ${pods.ipv4}.1
ip -n ${name} -6 route add default via ${pods.ipv6}:1`);
  return new Station(namespace, `${pods.ipv4}.${number}`, `${pods.ipv6}:${number}`, "eth0", `v${name}`);
}

export function outsideStation(lab: Lab): Station {
  const namespace = lab.adoptNamespace("outside");
  return new Station(namespace, `${WIRE.ipv4}.${OUTSIDE_NUMBER}`, `${WIRE.ipv6}:${OUTSIDE_NUMBER}`, "eth0", "up0");
}

export function nodeAddresses(): Network["nodeAddresses"] {
  return { podIpv4: `${PODS.ipv4}.1`, podIpv6: `${PODS.ipv6}:1`, uplinkIpv4: `${WIRE.ipv4}.1`, uplinkIpv6: `${WIRE.ipv6}:1` };
}
