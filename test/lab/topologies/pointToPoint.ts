/**
 * A veth for each pod and a host route to it, no bridge: as Calico and kindnet do it. A pod has a /32 and a /128,
 * its gateway is an address that the node answers for (169.254.1.1 by proxy ARP, the link-local one for IPv6).
 */
import type { Lab } from "../lab.ts";
import { CLIENT_NUMBER, PODS, SERVER_NUMBER, Station } from "../network.ts";
import type { Network } from "../network.ts";
import { nodeAddresses, outsideStation } from "./bridge.ts";
import { addressScript, outsideScript, ROUTES_TO_PODS, routerScript } from "./shell.ts";

/** Calico gives every host side the same MAC, hence the same link-local address. */
const HOST_MAC = "ee:ee:ee:ee:ee:ee";
const HOST_LINK_LOCAL = "fe80::ecee:eeff:feee:eeee";

export async function pointToPoint(lab: Lab): Promise<Network> {
  const node = await lab.namespace("node");
  await lab.script(`
${addressScript("node", "lo", `${PODS.ipv4}.1/32`, `${PODS.ipv6}:1/128`)}
${outsideScript("node")}
${ROUTES_TO_PODS}
${routerScript("node")}`);
  await lab.settled("outside");
  const addPod = (name: string, number: number) => addRoutedPod(lab, name, number);
  return {
    lab,
    node,
    client: await addPod("client", CLIENT_NUMBER),
    server: await addPod("server", SERVER_NUMBER),
    outside: outsideStation(lab),
    devices: { uplink: "up0" },
    nodeAddresses: nodeAddresses(),
    addPod,
    removePod: (name) => lab.removeNamespace(name),
  };
}

async function addRoutedPod(lab: Lab, name: string, number: number): Promise<Station> {
  const namespace = await lab.namespace(name);
  const ipv4 = `${PODS.ipv4}.${number}`;
  const ipv6 = `${PODS.ipv6}:${number}`;
  await lab.script(`
ip link add v${name} netns node address ${HOST_MAC} type veth peer name eth0 index ${100 + number} netns ${name}
ip -n node link set v${name} up
at node sh -euc 'echo 1 >/proc/sys/net/ipv4/conf/v${name}/proxy_arp; echo 0 >/proc/sys/net/ipv4/neigh/v${name}/proxy_delay; echo 0 >/proc/sys/net/ipv4/conf/v${name}/rp_filter'
ip -n node route add ${ipv4}/32 dev v${name} scope link
ip -n node -6 route add ${ipv6}/128 dev v${name}
${addressScript(name, "eth0", `${ipv4}/32`, `${ipv6}/128`)}
ip -n ${name} route add 169.254.1.1 dev eth0 scope link
ip -n ${name} route add default via 169.254.1.1
ip -n ${name} -6 route add default via ${HOST_LINK_LOCAL} dev eth0`);
  await lab.settled("node", name);
  return new Station(namespace, ipv4, ipv6, "eth0", `v${name}`);
}
