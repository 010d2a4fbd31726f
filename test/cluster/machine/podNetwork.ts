/**
 * The pod network of a node, in the picture of the usual CNIs: `bridge` (cni0 with the pods' veths, routes between
 * nodes), `ptp` (one routed veth a pod, as Calico and kindnet) and `vxlan` (cni0, and pods of other nodes through a
 * tunnel, as flannel). What leaves for another address than a pod's is masqueraded.
 */
import type { Machine } from "./machine.ts";
import { FAMILIES, POD_RANGES } from "./network.ts";
import type { BothFamilies } from "./network.ts";

export const POD_NETWORKS = ["bridge", "ptp", "vxlan"] as const;
export type PodNetwork = (typeof POD_NETWORKS)[number];

/** @param name nothing: the bridge */
export function podNetworkOf(name: string | undefined): PodNetwork {
  const found = POD_NETWORKS.find((network) => network === (name || "bridge"));
  if (found === undefined) throw new Error(`Set CLUSTER to one of ${POD_NETWORKS.join(", ")}: current value is ${name}`);
  return found;
}

/** What VXLAN adds to a packet over IPv4: tunnels are made of that, for pods of both families. */
const VXLAN_OVERHEAD_BYTES = 50;
const MTU_BYTES = 1500;

export interface NodeNetwork {
  readonly addresses: BothFamilies;
  /** As 10.244.1.0/24. */
  readonly podRanges: BothFamilies;
}

/** Lays the ways to the pods of the other nodes, then lets the kubelet use the network. */
export async function setUpPodNetwork(network: PodNetwork, machine: Machine, own: NodeNetwork, others: readonly NodeNetwork[]): Promise<void> {
  await machine.run(["nft", "-f", "-"], {
    input: `table inet test-masquerade {
      chain postrouting {
        type nat hook postrouting priority srcnat;
        ip saddr ${own.podRanges.IPv4} ip daddr != ${POD_RANGES.IPv4} masquerade
        ip6 saddr ${own.podRanges.IPv6} ip6 daddr != ${POD_RANGES.IPv6} masquerade
      }
    }`,
  });
  if (network === "vxlan") {
    const at = tunnelAddresses(own);
    await machine.shell(`
      ip link add vxlan0 type vxlan id 1 local "$1" dstport 8472 nolearning
      ip link set vxlan0 address "$2" up
      ip addr add "$3"/32 dev vxlan0
      ip addr add "$4"/128 dev vxlan0`, own.addresses.IPv4, tunnelMac(own), at.IPv4, at.IPv6);
  }
  for (const other of others) await layRoute(network, machine, other);
  await machine.write("/etc/cni/net.d/10-flowreset-test.conflist", JSON.stringify(configuration(network, own), null, 2));
}

/** The way to the pods of another node; also for the site, which is not on the tunnel. */
export async function layRoute(network: PodNetwork, machine: Machine, to: NodeNetwork): Promise<void> {
  if (network === "vxlan") await machine.shell(`bridge fdb replace "$1" dev vxlan0 dst "$2"`, tunnelMac(to), to.addresses.IPv4);
  for (const family of FAMILIES) {
    const range = to.podRanges[family];
    if (network !== "vxlan") {
      await machine.shell(`ip route replace "$1" via "$2"`, range, to.addresses[family]);
      continue;
    }
    await machine.shell(`
      ip neigh replace "$1" lladdr "$2" dev vxlan0 nud permanent
      ip route replace "$3" via "$1" dev vxlan0 onlink`, tunnelAddresses(to)[family], tunnelMac(to), range);
  }
}

function configuration(network: PodNetwork, { podRanges }: NodeNetwork): object {
  const mtu = network === "vxlan" ? MTU_BYTES - VXLAN_OVERHEAD_BYTES : MTU_BYTES;
  const ipam = { type: "host-local", dataDir: "/run/cni-addresses", ranges: FAMILIES.map((family) => [{ subnet: podRanges[family] }]), routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] };
  const plugin = network === "ptp" ? { type: "ptp", mtu, ipam } : { type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true, mtu, ipam };
  return { cniVersion: "0.4.0", name: "flowreset-test", plugins: [plugin, { type: "portmap", capabilities: { portMappings: true } }] };
}

/** 10.244.1.0 and fd00:244:0:1::: addresses of no pod. */
function tunnelAddresses({ podRanges }: NodeNetwork): BothFamilies {
  return { IPv4: podRanges.IPv4.split("/")[0]!, IPv6: podRanges.IPv6.split("/")[0]! };
}

/** One that each node can work out of another: locally administered, the last byte the node's. */
function tunnelMac({ addresses }: NodeNetwork): string {
  return `0a:00:00:00:00:${Number(addresses.IPv4.split(".").at(-1)).toString(16).padStart(2, "0")}`;
}
