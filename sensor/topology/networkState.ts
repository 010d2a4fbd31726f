/** What the kernel has said of the network so far, kept up to date message by message. Pure. */
import { parseLocalAddress } from "./address.ts";
import type { LocalAddress } from "./address.ts";
import { parseForwardingEntry } from "./fdb.ts";
import type { ForwardingEntry } from "./fdb.ts";
import { INTERFACE_LIMIT, LOCAL_ADDRESS_LIMIT, NEIGHBOUR_LIMIT, ROUTE_LIMIT } from "./limits.ts";
import { parseLink } from "./link.ts";
import type { Link } from "./link.ts";
import { parseNeighbour } from "./neighbour.ts";
import type { Neighbour } from "./neighbour.ts";
import { AddressFamily, MessageFlag, MessageType } from "./netlink.ts";
import type { NetlinkMessage } from "./netlink.ts";
import { parseRoute } from "./route.ts";
import type { Route } from "./route.ts";

/** Identity of an address, as a key of maps. */
export function addressKey(words: Int32Array): string {
  return `${words[0]},${words[1]},${words[2]},${words[3]}`;
}

export class NetworkState {
  readonly links = new Map<number, Link>();
  readonly addresses = new Map<string, LocalAddress>();
  readonly neighbours = new Map<string, Neighbour>();
  /** By bridge and hardware address; of tunnels by device, hardware address and far machine. */
  readonly forwarding = new Map<string, ForwardingEntry>();
  readonly routes = new Map<string, Route>();
  /** Entries that found no room. */
  refused = 0;

  /** Takes one message; true where it may have changed something. */
  apply(message: NetlinkMessage): boolean {
    switch (message.type) {
      case MessageType.NewLink:
      case MessageType.DeleteLink:
        return this.#applyLink(message);
      case MessageType.NewAddress:
      case MessageType.DeleteAddress: {
        const address = parseLocalAddress(message.body);
        if (address === undefined) return false;
        const key = `${address.interfaceIndex} ${addressKey(address.words)} ${address.prefixLength}`;
        return this.#put(this.addresses, key, message.type === MessageType.NewAddress ? address : undefined, LOCAL_ADDRESS_LIMIT);
      }
      case MessageType.NewNeighbour:
      case MessageType.DeleteNeighbour:
        return this.#applyNeighbour(message);
      case MessageType.NewRoute:
      case MessageType.DeleteRoute:
        return this.#applyRoute(message);
      default:
        return false;
    }
  }

  #applyLink(message: NetlinkMessage): boolean {
    const link = parseLink(message.body);
    if (link === undefined) return false;
    const gone = message.type === MessageType.DeleteLink;
    // The kernel does not announce each IPv4 route that a link takes with it when it goes down.
    if (gone || !link.up) this.#forgetRoutes(link.index, gone);
    if (gone) this.#forgetInterface(link.index);
    return this.#put(this.links, link.index, gone ? undefined : link, INTERFACE_LIMIT);
  }

  #applyNeighbour(message: NetlinkMessage): boolean {
    const gone = message.type === MessageType.DeleteNeighbour;
    const entry = parseForwardingEntry(message.body);
    if (entry !== undefined) {
      const remote = entry.remote === undefined ? "" : addressKey(entry.remote);
      const key = `${entry.bridge === 0 ? `${entry.interfaceIndex} ${remote}` : entry.bridge} ${entry.hardwareAddress}`;
      // It may have moved to another port before the old one's end is announced.
      if (gone && this.forwarding.get(key)?.interfaceIndex !== entry.interfaceIndex) return false;
      return this.#put(this.forwarding, key, gone ? undefined : entry, NEIGHBOUR_LIMIT);
    }
    const neighbour = parseNeighbour(message.body);
    if (neighbour === undefined) return false;
    const key = `${neighbour.interfaceIndex} ${addressKey(neighbour.words)}`;
    return this.#put(this.neighbours, key, gone || !neighbour.known ? undefined : neighbour, NEIGHBOUR_LIMIT);
  }

  #applyRoute(message: NetlinkMessage): boolean {
    const route = parseRoute(message.body);
    if (route === undefined) return false;
    const prefix = `${route.family} ${route.table} ${addressKey(route.words)}/${route.prefixLength} ${route.priority}`;
    if (route.family === AddressFamily.Ipv4) {
      return this.#put(this.routes, prefix, message.type === MessageType.NewRoute ? route : undefined, ROUTE_LIMIT);
    }
    // IPv6 has one route for each interface with the same prefix (fe80::/64), unless told to replace them.
    if ((message.flags & MessageFlag.Replace) !== 0) {
      for (const key of this.routes.keys()) if (key.startsWith(`${prefix} `)) this.routes.delete(key);
    }
    const key = `${prefix} ${route.nextHops[0]?.interfaceIndex ?? 0}`;
    return this.#put(this.routes, key, message.type === MessageType.NewRoute ? route : undefined, ROUTE_LIMIT);
  }

  #put<K, V>(map: Map<K, V>, key: K, value: V | undefined, limit: number): boolean {
    if (value === undefined) return map.delete(key);
    if (map.size >= limit && !map.has(key)) {
      this.refused++;
      return false;
    }
    map.set(key, value);
    return true;
  }

  #forgetRoutes(interfaceIndex: number, alsoIpv6: boolean): void {
    for (const [key, route] of this.routes) {
      const all = route.nextHops.every((hop) => hop.interfaceIndex === interfaceIndex);
      if (all && (alsoIpv6 || route.family === AddressFamily.Ipv4)) this.routes.delete(key);
    }
  }

  #forgetInterface(interfaceIndex: number): void {
    for (const map of [this.addresses, this.neighbours, this.forwarding]) {
      for (const [key, entry] of map) if (entry.interfaceIndex === interfaceIndex) map.delete(key);
    }
  }
}
