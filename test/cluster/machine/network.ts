/**
 * The wires between the machines. The site's machine is switch and router:
 *
 *   this machine --flowreset0-- [ site: bridge fabric0 10.99.0.1, the API server's address ] --eth0-- node-1, node-2
 *                                       |
 *                                    outside 203.0.113.9: the world, which has no way to a pod's address
 */
import { runCommand } from "./machine.ts";
import type { Machine } from "./machine.ts";

/** The only interface on this machine itself; it goes with the site. */
export const HOST_INTERFACE = "flowreset0";
export const SITE_ADDRESS = "10.99.0.1";
export const OUTSIDE_ADDRESS = "203.0.113.9";
export const POD_RANGE = "10.244.0.0/16";
export const SERVICE_RANGE = "10.96.0.0/16";
export const SERVICE_ADDRESS = "10.96.0.1";

const HOST_ADDRESS = "10.99.0.254";
const OUTSIDE_GATEWAY = "203.0.113.1";

/** @param number from 1 */
export function nodeAddress(number: number): string {
  return `10.99.0.${10 + number}`;
}

export async function wireSite(site: Machine): Promise<void> {
  await veth(HOST_INTERFACE, process.pid, "host", site.pid);
  await site.shell(`
    ip link add fabric0 type bridge
    ip addr add ${SITE_ADDRESS}/24 dev fabric0
    ip link set fabric0 up
    ip link set host master fabric0 up`);
  await host("ip", "addr", "add", `${HOST_ADDRESS}/24`, "dev", HOST_INTERFACE);
  await host("ip", "link", "set", HOST_INTERFACE, "up");
}

export async function wireNode(site: Machine, node: Machine, address: string): Promise<void> {
  await veth("eth0", node.pid, node.name, site.pid);
  await site.shell(`ip link set "$1" master fabric0 up`, node.name);
  await node.shell(`ip addr add "$1"/24 dev eth0; ip link set eth0 up; ip route add default via ${SITE_ADDRESS}`, address);
}

export async function wireOutside(site: Machine, outside: Machine): Promise<void> {
  await veth("eth0", outside.pid, "outside", site.pid);
  await outside.shell(`ip addr add ${OUTSIDE_ADDRESS}/24 dev eth0; ip link set eth0 up; ip route add default via ${OUTSIDE_GATEWAY}`);
  // What pods send out must carry a node's address: an answer to a pod's own is lost, as it is in the world.
  await site.shell(`
    ip addr add ${OUTSIDE_GATEWAY}/24 dev outside
    ip link set outside up
    ip rule add iif outside to ${POD_RANGE} blackhole`);
}

function veth(name: string, pid: number, peer: string, peerPid: number): Promise<unknown> {
  return host("ip", "link", "add", name, "netns", String(pid), "type", "veth", "peer", "name", peer, "netns", String(peerPid));
}

function host(...command: string[]): Promise<unknown> {
  return runCommand(command, command.join(" "));
}
