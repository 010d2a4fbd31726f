/** What each interface is: who lives behind it, as far as its form and the routes tell. Pure. */
import { formatAddress } from "../decode/mod.ts";
import { isLinkLocal } from "./address.ts";
import type { InterfaceKindName } from "./kind.ts";
import type { Link } from "./link.ts";
import type { NetworkState } from "./networkState.ts";

export interface NetworkInterface {
  readonly index: number;
  readonly name: string;
  readonly kind: InterfaceKindName;
  /** ARPHRD_: whether its frames have a link header. */
  readonly hardwareType: number;
  readonly up: boolean;
  /** Index of the bridge or bond that it is a port of; 0 for none. */
  readonly master: number;
  readonly mtu: number;
  /** Hexadecimal, "" for none: with index and name it tells an interface from a later one of the same index. */
  readonly hardwareAddress: string;
  /** Addresses of this machine on it, without prefix lengths. */
  readonly addresses: readonly string[];
}

/** Hardware types (linux/if_arp.h) that say what an interface is. */
const HardwareType = { Ethernet: 1, Loopback: 772 } as const;
/** Tunnels without link header and without a driver name of their own: tunl0, sit0, ip6tnl0, gre0, raw IP, none. */
const TUNNEL_HARDWARE_TYPES: readonly number[] = [519, 768, 769, 776, 778, 823, 0xfffe];

const POD_DRIVERS: readonly string[] = ["veth", "netkit"];
const BRIDGE_DRIVERS: readonly string[] = ["bridge", "openvswitch"];
const TUNNEL_DRIVERS: readonly string[] = [
  "vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan", "ipip", "sit", "ip6tnl", "vti", "vti6",
  "xfrm", "wireguard", "gtp", "bareudp", "tun",
];
/** Devices that stand for hardware, or for several. */
const UPLINK_DRIVERS: readonly string[] = ["", "bond", "team", "vlan", "macvlan", "ipvlan", "virt_wifi", "ipoib"];

/** The host's side of a pair whose other half is in another namespace, or a virtual machine's tap device. */
function leadsToPod(link: Link): boolean {
  if (link.driver === "tun") return link.hardwareType === HardwareType.Ethernet;
  return POD_DRIVERS.includes(link.driver) && link.peerElsewhere;
}

/** Interfaces with a network of their own: an address of ours there whose prefix holds others too. */
function interfacesWithNetwork(state: NetworkState): Set<number> {
  const indexes = new Set<number>();
  for (const { interfaceIndex, alone, words } of state.addresses.values()) {
    if (!alone && !isLinkLocal(words)) indexes.add(interfaceIndex);
  }
  return indexes;
}

function interfacesWithDefaultRoute(state: NetworkState): Set<number> {
  const indexes = new Set<number>();
  for (const route of state.routes.values()) {
    if (route.prefixLength === 0) for (const hop of route.nextHops) indexes.add(hop.interfaceIndex);
  }
  return indexes;
}

function kindOf(link: Link, hasDefaultRoute: boolean, hasNetwork: boolean): InterfaceKindName {
  if (link.hardwareType === HardwareType.Loopback) return "Loopback";
  if (BRIDGE_DRIVERS.includes(link.driver)) return "Bridge";
  // A veth may be the way out of the machine itself: a container that runs pods, a lab.
  if (hasDefaultRoute) return "Uplink";
  if (leadsToPod(link)) return hasNetwork && link.master === 0 ? "Uplink" : "Pod";
  if (TUNNEL_DRIVERS.includes(link.driver) || TUNNEL_HARDWARE_TYPES.includes(link.hardwareType)) return "Tunnel";
  return link.hardwareType === HardwareType.Ethernet && UPLINK_DRIVERS.includes(link.driver) ? "Uplink" : "Unknown";
}

/** Every interface, by index. `isMirror` names those that show packets of others: nobody lives behind them. */
export function describeInterfaces(state: NetworkState, isMirror: (name: string) => boolean = () => false): NetworkInterface[] {
  const withDefaultRoute = interfacesWithDefaultRoute(state);
  const withNetwork = interfacesWithNetwork(state);
  const addresses = new Map<number, string[]>();
  for (const { interfaceIndex, words } of state.addresses.values()) {
    const text = formatAddress(words[0]!, words[1]!, words[2]!, words[3]!);
    const known = addresses.get(interfaceIndex);
    if (known === undefined) addresses.set(interfaceIndex, [text]);
    else known.push(text);
  }
  const links = [...state.links.values()].sort((a, b) => a.index - b.index);
  return links.map((link) => ({
    index: link.index,
    name: link.name,
    kind: isMirror(link.name) ? "Unknown" : kindOf(link, withDefaultRoute.has(link.index), withNetwork.has(link.index)),
    hardwareType: link.hardwareType,
    up: link.up,
    master: link.master,
    mtu: link.mtu,
    hardwareAddress: link.hardwareAddress,
    addresses: (addresses.get(link.index) ?? []).sort(),
  }));
}
