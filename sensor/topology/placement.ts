/**
 * Which address lives behind which interface: where the kernel itself would send a packet for it. In this order of
 * belief: a host route to a pod's interface; an address that one pod alone has in its own namespace, where the routes
 * do not lead out of the machine for it; a neighbour on the pod's interface or on the bridge that it is a port of,
 * where the routes lead there for its address. A pod can make the node believe in any neighbour on its own link (and
 * on its bridge, where its namespace may not be asked), but in no route and in no other pod's address. Pure.
 */
import { isLinkLocal } from "./address.ts";
import type { NetworkInterface } from "./interfaces.ts";
import { HOME_LIMIT } from "./limits.ts";
import { addressKey } from "./networkState.ts";
import type { NetworkState } from "./networkState.ts";
import { AddressFamily } from "./netlink.ts";
import type { Claim } from "./namespaceAddresses.ts";
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

/** An IPv4 address that lives behind a pod's interface. */
export interface PodHome {
  /** A word without sign. */
  readonly ipv4: number;
  readonly interfaceIndex: number;
}

const MAPPED_PREFIX = 0xffff;

export function podHomes(interfaces: readonly NetworkInterface[], placements: readonly Placement[]): PodHome[] {
  const pods = new Set(interfaces.filter(({ kind }) => kind === "Pod").map(({ index }) => index));
  return placements
    .filter(({ words, home, local }) => pods.has(home) && !local && words[0] === 0 && words[1] === 0 && words[2] === MAPPED_PREFIX)
    .map(({ words, home }) => ({ ipv4: words[3]! >>> 0, interfaceIndex: home }))
    .toSorted((a, b) => a.ipv4 - b.ipv4);
}

/** Each address once, ours first; at most HOME_LIMIT, `refused` beyond. */
export function placeAddresses(state: NetworkState, interfaces: readonly NetworkInterface[], claims: readonly Claim[] = []): { placements: Placement[]; refused: number } {
  const kinds = new Map(interfaces.map(({ index, kind }) => [index, kind]));
  const isPod = (index: number): boolean => kinds.get(index) === "Pod";
  const placed = new Map<string, { words: Int32Array; home: number; local: boolean; gateway: boolean }>();
  let refused = 0;
  const place = (words: Int32Array, home: number, mark: "local" | "gateway" | undefined): void => {
    const key = addressKey(words);
    let entry = placed.get(key);
    if (entry === undefined) {
      if (placed.size >= HOME_LIMIT) return void refused++;
      // The first word on an address is the most believed: later ones change nothing.
      placed.set(key, (entry = { words, home, local: false, gateway: false }));
    }
    if (mark !== undefined) entry[mark] = true;
  };

  for (const { words, interfaceIndex } of state.addresses.values()) {
    if (isLinkLocal(words)) continue; // The same on several links: it has no one home.
    // A plugin may put the gateway's address on each pod's interface.
    place(words, isPod(interfaceIndex) ? 0 : interfaceIndex, "local");
  }
  const routes = new RouteTable(state.routes.values());
  for (const { words, home } of routedPods(state, routes, isPod)) place(words, home, undefined);
  for (const { words, home } of claimedHomes(claims, routes, kinds)) place(words, home, undefined);
  for (const { words, home } of neighbourHomes(state, routes, isPod)) place(words, home, undefined);
  for (const words of gateways(state)) place(words, 0, "gateway");
  return { placements: [...placed.values()], refused };
}

interface Home {
  words: Int32Array;
  home: number;
}

function* routedPods(state: NetworkState, routes: RouteTable, isPod: (index: number) => boolean): Generator<Home> {
  for (const route of state.routes.values()) {
    const home = route.nextHops.length === 1 && route.nextHops[0]!.gateway === undefined ? route.nextHops[0]!.interfaceIndex : 0;
    if (isHostRoute(route) && isPod(home) && routes.interfaceTo(route.words) === home) yield { words: route.words, home };
  }
}

/** Claims of two pods to one address cancel out: it gets home 0 for good, not the neighbour table's favourite. */
function* claimedHomes(claims: readonly Claim[], routes: RouteTable, kinds: ReadonlyMap<number, string>): Generator<Home> {
  const byAddress = new Map<string, Home>();
  for (const { words, interfaceIndex } of claims) {
    if (isLinkLocal(words) || kinds.get(interfaceIndex) !== "Pod") continue;
    const way = kinds.get(routes.interfaceTo(words));
    if (way === undefined || way === "Uplink" || way === "Tunnel" || way === "Loopback") continue;
    const other = byAddress.get(addressKey(words));
    byAddress.set(addressKey(words), { words, home: other === undefined || other.home === interfaceIndex ? interfaceIndex : 0 });
  }
  yield* byAddress.values();
}

function* neighbourHomes(state: NetworkState, routes: RouteTable, isPod: (index: number) => boolean): Generator<Home> {
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

function isMulticast(words: Int32Array): boolean {
  if (words[0] === 0 && words[1] === 0 && words[2] === MAPPED_PREFIX) return words[3]! >>> 28 === 14 || words[3] === -1;
  return words[0]! >>> 24 === 0xff;
}
