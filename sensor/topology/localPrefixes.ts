/** The addresses that live on this machine, in few prefixes: several Workers divide connections by those that do not. Pure. */
import type { NetworkInterface } from "./interfaces.ts";
import type { NetworkState } from "./networkState.ts";
import type { Placement } from "./placement.ts";

export interface LocalPrefix {
  /** IPv4 mapped. */
  readonly words: Int32Array;
  /** Of the 128 bits. */
  readonly prefixLength: number;
}

const ADDRESS_BITS = 128;

/** In an order that another pod changes as little as can be: bridges' networks, then single addresses by their number. */
export function localPrefixes(state: Pick<NetworkState, "addresses">, interfaces: readonly NetworkInterface[], placements: readonly Placement[]): LocalPrefix[] {
  const kinds = new Map(interfaces.map(({ index, kind }) => [index, kind]));
  const networks: LocalPrefix[] = [];
  for (const { words, prefixLength, interfaceIndex, alone } of state.addresses.values()) {
    if (alone || kinds.get(interfaceIndex) !== "Bridge" || isLinkLocal(words)) continue;
    networks.push({ words, prefixLength: isMapped(words) ? 96 + prefixLength : prefixLength });
  }
  const single: LocalPrefix[] = [];
  for (const { words, home, local } of placements) {
    if (!local && kinds.get(home) !== "Pod") continue;
    if (!networks.some((network) => holds(network, words))) single.push({ words, prefixLength: ADDRESS_BITS });
  }
  return [...networks.sort(byNumber), ...single.sort(byNumber)];
}

function holds({ words, prefixLength }: LocalPrefix, address: Int32Array): boolean {
  for (let word = 0; word < 4; word++) {
    const bits = Math.min(32, prefixLength - 32 * word);
    if (bits <= 0) return true;
    if (((words[word]! ^ address[word]!) >>> (32 - bits)) !== 0) return false;
  }
  return true;
}

function byNumber(a: LocalPrefix, b: LocalPrefix): number {
  for (let word = 0; word < 4; word++) {
    const difference = (a.words[word]! >>> 0) - (b.words[word]! >>> 0);
    if (difference !== 0) return difference;
  }
  return a.prefixLength - b.prefixLength;
}

function isMapped(words: Int32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

function isLinkLocal(words: Int32Array): boolean {
  return words[0]! >>> 22 === 0xfe80 >>> 6;
}
