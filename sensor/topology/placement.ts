/**
 * Which address lives behind which interface: where the kernel itself would send a packet for it. A host route to a
 * pod's interface says so; so does a neighbour on it, or on the bridge that it is a port of. A neighbour counts only
 * on the interface that the routes give for its address: a pod can make the node believe in any neighbour on its own
 * link, but not in a route. Pure.
 */
import type { NetworkInterface } from "./interfaces.ts";
import { HOME_LIMIT } from "./limits.ts";
import { addressKey } from "./networkState.ts";
import type { NetworkState } from "./networkState.ts";
import { AddressFamily } from "./netlink.ts";
import { RouteTable } from "./routeTable.ts";

export interface Placement {
  readonly words: Int32Array;
  /** Index of the interface; 0 where only the marks are known. */
  readonly home: number;
  /** An address of this machine. */
  readonly local: boolean;
  /** A next hop, or the far end of a tunnel: others stand behind it. */
  readonly gateway: boolean;
}

/** Each address once, ours first; at most HOME_LIMIT, `refused` beyond. */
export function placeAddresses(state: NetworkState, interfaces: readonly NetworkInterface[]): { placements: Placement[]; refused: number } {
  const kinds = new Map(interfaces.map(({ index, kind }) => [index, kind]));
  const isPod = (index: number): boolean => kinds.get(index) === "Pod";
  const placed = new Map<string, { words: Int32Array; home: number; local: boolean; gateway: boolean }>();
  let refused = 0;
  const place = (words: Int32Array, home: number, mark: "local" | "gateway" | undefined): void => {
    const key = addressKey(words);
    let entry = placed.get(key);
    if (entry === undefined) {
      if (placed.size >= HOME_LIMIT) return void refused++;
      placed.set(key, (entry = { words, home, local: false, gateway: false }));
    }
    if (entry.home === 0 && !entry.local) entry.home = home;
    if (mark !== undefined) entry[mark] = true;
  };

  for (const { words, interfaceIndex } of state.addresses.values()) {
    if (isLinkLocal(words)) continue; // The same on several links: it has no one home.
    // A plugin may put the gateway's address on each pod's interface.
    place(words, isPod(interfaceIndex) ? 0 : interfaceIndex, "local");
  }
  for (const { words, home } of podHomes(state, isPod)) place(words, home, undefined);
  for (const words of gateways(state)) place(words, 0, "gateway");
  return { placements: [...placed.values()], refused };
}

function* podHomes(state: NetworkState, isPod: (index: number) => boolean): Generator<{ words: Int32Array; home: number }> {
  const routes = new RouteTable(state.routes.values());
  for (const route of state.routes.values()) {
    const home = route.nextHops.length === 1 && route.nextHops[0]!.gateway === undefined ? route.nextHops[0]!.interfaceIndex : 0;
    if (isHostRoute(route) && isPod(home) && routes.interfaceTo(route.words) === home) yield { words: route.words, home };
  }
  for (const { words, interfaceIndex, hardwareAddress } of state.neighbours.values()) {
    if (isLinkLocal(words) || isMulticast(words)) continue;
    const port = isPod(interfaceIndex) ? interfaceIndex : (state.forwarding.get(`${interfaceIndex} ${hardwareAddress}`)?.interfaceIndex ?? 0);
    if (isPod(port) && routes.interfaceTo(words) === interfaceIndex) yield { words, home: port };
  }
}

function* gateways(state: NetworkState): Generator<Int32Array> {
  for (const route of state.routes.values()) {
    for (const { gateway } of route.nextHops) if (gateway !== undefined && !isLinkLocal(gateway)) yield gateway;
  }
  for (const { remote } of state.forwarding.values()) if (remote !== undefined && !isMulticast(remote)) yield remote;
}

function isHostRoute(route: { family: number; prefixLength: number }): boolean {
  return route.prefixLength === (route.family === AddressFamily.Ipv4 ? 32 : 128);
}

/** fe80::/10. IPv4's 169.254/16 is left in: clouds and plugins give it to single machines. */
function isLinkLocal(words: Int32Array): boolean {
  return words[0]! >>> 22 === 0xfe80 >>> 6;
}

function isMulticast(words: Int32Array): boolean {
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return words[3]! >>> 28 === 14 || words[3] === -1;
  return words[0]! >>> 24 === 0xff;
}
