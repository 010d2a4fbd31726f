/**
 * The pod network of a node, in the picture of the usual CNIs: `bridge` (cni0 with the pods' veths, routes between
 * nodes), `ptp` (one routed veth a pod, as Calico and kindnet) and `vxlan` (cni0, and pods of other nodes through a
 * tunnel, as flannel). What leaves for another address than a pod's is masqueraded.
 */
import type { Machine } from "./machine.ts";
import { POD_RANGE } from "./network.ts";

export const POD_NETWORKS = ["bridge", "ptp", "vxlan"] as const;
export type PodNetwork = (typeof POD_NETWORKS)[number];

/** @param name nothing: the bridge */
export function podNetworkOf(name: string | undefined): PodNetwork {
  const found = POD_NETWORKS.find((network) => network === (name || "bridge"));
  if (found === undefined) throw new Error(`Set CLUSTER to one of ${POD_NETWORKS.join(", ")}: current value is ${name}`);
  return found;
}

/** What VXLAN adds to a packet over IPv4. */
const VXLAN_OVERHEAD_BYTES = 50;
const MTU_BYTES = 1500;

export interface NodeNetwork {
  readonly address: string;
  /** As 10.244.1.0/24. */
  readonly podRange: string;
}

/** Lays the ways to the pods of the other nodes, then lets the kubelet use the network. */
export async function setUpPodNetwork(network: PodNetwork, machine: Machine, own: NodeNetwork, others: readonly NodeNetwork[]): Promise<void> {
  await machine.run(["nft", "-f", "-"], {
    input: `table ip test-masquerade {
      chain postrouting {
        type nat hook postrouting priority srcnat;
        ip saddr ${own.podRange} ip daddr != ${POD_RANGE} masquerade
      }
    }`,
  });
  if (network === "vxlan") {
    await machine.shell(`
      ip link add vxlan0 type vxlan id 1 local "$1" dstport 8472 nolearning
      ip link set vxlan0 address "$2" up
      ip addr add "$3"/32 dev vxlan0`, own.address, tunnelMac(own), tunnelAddress(own));
  }
  for (const other of others) await layRoute(network, machine, other);
  await machine.write("/etc/cni/net.d/10-flowreset-test.conflist", JSON.stringify(configuration(network, own), null, 2));
}

/** The way to the pods of another node; also for the site, which is not on the tunnel. */
export async function layRoute(network: PodNetwork, machine: Machine, to: NodeNetwork): Promise<void> {
  if (network !== "vxlan") {
    await machine.shell(`ip route replace "$1" via "$2"`, to.podRange, to.address);
    return;
  }
  await machine.shell(`
    ip neigh replace "$1" lladdr "$2" dev vxlan0 nud permanent
    bridge fdb replace "$2" dev vxlan0 dst "$3"
    ip route replace "$4" via "$1" dev vxlan0 onlink`, tunnelAddress(to), tunnelMac(to), to.address, to.podRange);
}

function configuration(network: PodNetwork, { podRange }: NodeNetwork): object {
  const mtu = network === "vxlan" ? MTU_BYTES - VXLAN_OVERHEAD_BYTES : MTU_BYTES;
  const ipam = { type: "host-local", dataDir: "/run/cni-addresses", ranges: [[{ subnet: podRange }]], routes: [{ dst: "0.0.0.0/0" }] };
  const plugin = network === "ptp" ? { type: "ptp", mtu, ipam } : { type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true, mtu, ipam };
  return { cniVersion: "0.4.0", name: "flowreset-test", plugins: [plugin, { type: "portmap", capabilities: { portMappings: true } }] };
}

/** 10.244.1.0: the address of no pod. */
function tunnelAddress({ podRange }: NodeNetwork): string {
  return podRange.split("/")[0]!;
}

/** One that each node can work out of another: locally administered, the last byte the node's. */
function tunnelMac({ address }: NodeNetwork): string {
  return `0a:00:00:00:00:${Number(address.split(".").at(-1)).toString(16).padStart(2, "0")}`;
}
