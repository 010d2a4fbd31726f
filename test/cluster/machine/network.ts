/**
 * The wires between the machines, with addresses of both families. The site's machine is switch and router:
 *
 *   this machine --flowreset0-- [ site: bridge fabric0 10.99.0.1, the API server's address ] --eth0-- node-1, node-2
 *                                       |
 *                                    outside 203.0.113.9: the world, which has no way to a pod's address
 */
import { runCommand } from "./machine.ts";
import type { Machine } from "./machine.ts";

/** The only interface on this machine itself; it goes with the site. */
export const HOST_INTERFACE = "flowreset0";
/** Something that each family has one of. */
export interface BothFamilies {
  readonly IPv4: string;
  readonly IPv6: string;
}
export type Family = keyof BothFamilies;
export const FAMILIES: readonly Family[] = ["IPv4", "IPv6"];

/** As Kubernetes' flags and lists have them: the first is the default. */
export function listOf({ IPv4, IPv6 }: BothFamilies): string {
  return `${IPv4},${IPv6}`;
}

export const SITE: BothFamilies = { IPv4: "10.99.0.1", IPv6: "fd00:99::1" };
/** Where the API server listens. */
export const SITE_ADDRESS = SITE.IPv4;
export const OUTSIDE: BothFamilies = { IPv4: "203.0.113.9", IPv6: "2001:db8:113::9" };
export const POD_RANGES: BothFamilies = { IPv4: "10.244.0.0/16", IPv6: "fd00:244::/48" };
export const SERVICE_RANGES: BothFamilies = { IPv4: "10.96.0.0/16", IPv6: "fd00:96::/112" };
export const SERVICE_ADDRESS = "10.96.0.1";

const HOST_ADDRESS = "10.99.0.254";
const OUTSIDE_GATEWAY: BothFamilies = { IPv4: "203.0.113.1", IPv6: "2001:db8:113::1" };

/** @param number from 1 */
export function nodeAddresses(number: number): BothFamilies {
  return { IPv4: `10.99.0.${10 + number}`, IPv6: `fd00:99::${10 + number}` };
}

export async function wireSite(site: Machine): Promise<void> {
  await veth(HOST_INTERFACE, process.pid, "host", site.pid);
  await site.shell(`
    ip link add fabric0 type bridge
    ip addr add ${SITE.IPv4}/24 dev fabric0
    ip addr add ${SITE.IPv6}/64 dev fabric0
    ip link set fabric0 up
    ip link set host master fabric0 up`);
  await host("ip", "addr", "add", `${HOST_ADDRESS}/24`, "dev", HOST_INTERFACE);
  await host("ip", "link", "set", HOST_INTERFACE, "up");
}

export async function wireNode(site: Machine, node: Machine, { IPv4, IPv6 }: BothFamilies): Promise<void> {
  await veth("eth0", node.pid, node.name, site.pid);
  await site.shell(`ip link set "$1" master fabric0 up`, node.name);
  await node.shell(`
    ip addr add "$1"/24 dev eth0
    ip addr add "$2"/64 dev eth0
    ip link set eth0 up
    ip route add default via ${SITE.IPv4}
    ip route add default via ${SITE.IPv6}`, IPv4, IPv6);
}

export async function wireOutside(site: Machine, outside: Machine): Promise<void> {
  await veth("eth0", outside.pid, "outside", site.pid);
  await outside.shell(`
    ip addr add ${OUTSIDE.IPv4}/24 dev eth0
    ip addr add ${OUTSIDE.IPv6}/64 dev eth0
    ip link set eth0 up
    ip route add default via ${OUTSIDE_GATEWAY.IPv4}
    ip route add default via ${OUTSIDE_GATEWAY.IPv6}`);
  // What pods send out must carry a node's address: an answer to a pod's own is lost, as it is in the world.
  await site.shell(`
    ip addr add ${OUTSIDE_GATEWAY.IPv4}/24 dev outside
    ip addr add ${OUTSIDE_GATEWAY.IPv6}/64 dev outside
    ip link set outside up
    ip rule add iif outside to ${POD_RANGES.IPv4} blackhole
    ip -6 rule add iif outside to ${POD_RANGES.IPv6} blackhole`);
}

function veth(name: string, pid: number, peer: string, peerPid: number): Promise<unknown> {
  return host("ip", "link", "add", name, "netns", String(pid), "type", "veth", "peer", "name", peer, "netns", String(peerPid));
}

function host(...command: string[]): Promise<unknown> {
  return runCommand(command, command.join(" "));
}
