/** Two nodes with a bridge each, joined by a VXLAN overlay as flannel makes it; `node` has the client, `node2` the server. */
import type { Lab } from "../lab.ts";
import { CLIENT_NUMBER, OUTSIDE_NUMBER, PODS, SERVER_NUMBER, WIRE } from "../network.ts";
import type { Network } from "../network.ts";
import type { Namespace } from "../namespace.ts";
import { addBridgePod, nodeAddresses, outsideStation } from "./bridge.ts";
import { addressScript, routerScript } from "./shell.ts";

const PODS_OF_NODE_2 = { ipv4: "10.244.2", ipv6: "fd00:244:2:" } as const;
const MAC_OF = { node: "0a:58:00:00:00:01", node2: "0a:58:00:00:00:02" } as const;

export interface OverlayNetwork extends Network {
  node2: Namespace;
  /** The VXLAN network identifier and UDP port between the nodes. */
  vni: number;
  udpPort: number;
}

/** up0 of both nodes and the outside machine are ports of one switch (`lan` in the namespace `outside`). */
export async function vxlan(lab: Lab): Promise<OverlayNetwork> {
  const node = await lab.namespace("node");
  const node2 = await lab.namespace("node2");
  const wireNode2 = { ipv4: `${WIRE.ipv4}.2`, ipv6: `${WIRE.ipv6}:2` };
  const overlay = { vni: 1, udpPort: 4789 };
  await lab.script(`
newns outside
ip -n outside link add lan type bridge
${addressScript("outside", "lan", `${WIRE.ipv4}.${OUTSIDE_NUMBER}/24`, `${WIRE.ipv6}:${OUTSIDE_NUMBER}/64`)}
${nodeScript("node", { ipv4: `${WIRE.ipv4}.1`, ipv6: `${WIRE.ipv6}:1` }, PODS, overlay)}
${nodeScript("node2", wireNode2, PODS_OF_NODE_2, overlay)}
${towardsScript("node", "node2", wireNode2.ipv4, PODS_OF_NODE_2)}
${towardsScript("node2", "node", `${WIRE.ipv4}.1`, PODS)}
ip -n outside route add ${PODS.ipv4}.0/24 via ${WIRE.ipv4}.1
ip -n outside -6 route add ${PODS.ipv6}:/64 via ${WIRE.ipv6}:1
ip -n outside route add ${PODS_OF_NODE_2.ipv4}.0/24 via ${wireNode2.ipv4}
ip -n outside -6 route add ${PODS_OF_NODE_2.ipv6}:/64 via ${wireNode2.ipv6}`);
  await lab.settled("outside");
  return {
    lab,
    node,
    node2,
    client: await addBridgePod(lab, "node", "client", CLIENT_NUMBER),
    server: await addBridgePod(lab, "node2", "server", SERVER_NUMBER, PODS_OF_NODE_2),
    outside: outsideStation(lab, "lan", "up0"),
    devices: { uplink: "up0", bridge: "br0", tunnel: "vxlan0" },
    nodeAddresses: nodeAddresses(),
    addPod: (name, number) => addBridgePod(lab, "node", name, number),
    removePod: (name) => lab.removeNamespace(name),
    ...overlay,
  };
}

interface Pair {
  ipv4: string;
  ipv6: string;
}

function nodeScript(name: "node" | "node2", wire: Pair, pods: Pair, overlay: { vni: number; udpPort: number }): string {
  return `
ip link add up0 netns ${name} type veth peer name p${name} index ${name === "node" ? 901 : 902} netns outside
ip -n outside link set p${name} master lan up
${addressScript(name, "up0", `${wire.ipv4}/24`, `${wire.ipv6}/64`)}
ip -n ${name} route add default via ${WIRE.ipv4}.${OUTSIDE_NUMBER}
ip -n ${name} -6 route add default via ${WIRE.ipv6}:${OUTSIDE_NUMBER}
ip -n ${name} link add br0 type bridge
${addressScript(name, "br0", `${pods.ipv4}.1/24`, `${pods.ipv6}:1/64`)}
ip -n ${name} link add vxlan0 address ${MAC_OF[name]} type vxlan id ${overlay.vni} dstport ${overlay.udpPort} local ${wire.ipv4} dev up0 nolearning
${addressScript(name, "vxlan0", `${pods.ipv4}.0/32`, `${pods.ipv6}:0/128`)}
${routerScript(name)}`;
}

/** The route, neighbour and forwarding entry by which `from` reaches the pods of `to`: all static, as flannel sets them. */
function towardsScript(from: string, to: "node" | "node2", wireIpv4: string, pods: Pair): string {
  return `
ip -n ${from} neigh add ${pods.ipv4}.0 lladdr ${MAC_OF[to]} dev vxlan0 nud permanent
ip -n ${from} -6 neigh add ${pods.ipv6}:0 lladdr ${MAC_OF[to]} dev vxlan0 nud permanent
bridge -n ${from} fdb append ${MAC_OF[to]} dev vxlan0 dst ${wireIpv4}
ip -n ${from} route add ${pods.ipv4}.0/24 via ${pods.ipv4}.0 dev vxlan0 onlink
ip -n ${from} -6 route add ${pods.ipv6}:/64 via ${pods.ipv6}:0 dev vxlan0 onlink`;
}
