/** A node's network, written in a few lines: links, addresses, routes and neighbours as the parsers would give them. */
import { parseAddress } from "../decode/mod.ts";
import type { Link } from "./link.ts";
import { addressKey, NetworkState } from "./networkState.ts";
import { AddressFamily } from "./netlink.ts";

export function words(text: string): Int32Array {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`Give an address: ${text}`);
  return parsed;
}

export class World {
  readonly state = new NetworkState();

  link(index: number, name: string, properties: Partial<Link> = {}): this {
    const plain = { hardwareType: 1, up: true, mtu: 1_500, master: 0, peer: 0, peerElsewhere: false, peerNamespace: -1, driver: "", hardwareAddress: "" };
    this.state.links.set(index, { index, name, ...plain, ...properties });
    return this;
  }

  /** Its peer is interface 2 of the namespace that has the pod's own index as number. */
  pod(index: number, name: string, master = 0): this {
    return this.link(index, name, { driver: "veth", peer: 2, peerElsewhere: true, peerNamespace: index, master });
  }

  address(interfaceIndex: number, text: string): this {
    const [address, prefixLength] = text.split("/");
    const bits = address!.includes(":") ? 128 : 32;
    const length = Number(prefixLength ?? bits);
    this.state.addresses.set(`${interfaceIndex} ${text}`, { interfaceIndex, words: words(address!), prefixLength: length, alone: length === bits });
    return this;
  }

  /** `gateway` "" for a route on the link. */
  route(prefix: string, interfaceIndex: number, gateway = "", table = 254, priority = 0): this {
    const [network, prefixLength] = prefix.split("/");
    const family = network!.includes(":") ? AddressFamily.Ipv6 : AddressFamily.Ipv4;
    this.state.routes.set(`${prefix} ${interfaceIndex} ${table} ${priority}`, {
      family, table, priority,
      words: words(network!),
      prefixLength: Number(prefixLength),
      nextHops: [{ interfaceIndex, gateway: gateway === "" ? undefined : words(gateway) }],
    });
    return this;
  }

  neighbour(interfaceIndex: number, address: string, hardwareAddress = ""): this {
    const key = `${interfaceIndex} ${addressKey(words(address))}`;
    this.state.neighbours.set(key, { interfaceIndex, words: words(address), hardwareAddress, known: true });
    return this;
  }

  forwarding(bridge: number, hardwareAddress: string, interfaceIndex: number, remote?: string): this {
    const entry = { interfaceIndex, bridge, hardwareAddress, remote: remote === undefined ? undefined : words(remote) };
    this.state.forwarding.set(`${bridge === 0 ? `${interfaceIndex} ${remote}` : bridge} ${hardwareAddress}`, entry);
    return this;
  }
}

/** br0 (2) with the pods 4 and 5, up0 (3) with the default route. */
export function bridgeWorld(): World {
  return new World()
    .link(1, "lo", { hardwareType: 772 }).address(1, "127.0.0.1/8")
    .link(2, "br0", { driver: "bridge" }).address(2, "10.244.1.1/24").route("10.244.1.0/24", 2)
    .link(3, "up0").address(3, "198.51.100.1/24").route("198.51.100.0/24", 3).route("0.0.0.0/0", 3, "198.51.100.9")
    .pod(4, "vclient", 2).pod(5, "vserver", 2);
}

/** Pods 4 and 5 with host routes, up0 (3) with the default route. */
export function routedWorld(): World {
  return new World()
    .link(1, "lo", { hardwareType: 772 }).address(1, "127.0.0.1/8")
    .link(3, "up0").address(3, "198.51.100.1/24").route("198.51.100.0/24", 3).route("0.0.0.0/0", 3, "198.51.100.9")
    .pod(4, "vclient").route("10.244.1.11/32", 4)
    .pod(5, "vserver").route("10.244.1.12/32", 5);
}
