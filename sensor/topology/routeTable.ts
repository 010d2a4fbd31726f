/** The longest prefix that holds an address, over the routes of every table (the main table before others). Pure. */
import type { Route } from "./route.ts";
import { AddressFamily } from "./netlink.ts";

const TABLE_MAIN = 254;

export class RouteTable {
  /** By length in bits of the mapped address: key of the masked words -> interface. */
  readonly #byLength = new Map<number, Map<string, Route>>();
  readonly #lengths: number[];

  constructor(routes: Iterable<Route>) {
    for (const route of routes) {
      const length = mappedLength(route);
      let prefixes = this.#byLength.get(length);
      if (prefixes === undefined) this.#byLength.set(length, (prefixes = new Map()));
      const key = maskedKey(route.words, length);
      const known = prefixes.get(key);
      if (known === undefined || isBetter(route, known)) prefixes.set(key, route);
    }
    this.#lengths = [...this.#byLength.keys()].sort((a, b) => b - a);
  }

  /** Index of the interface by which the address is reached; 0 where no route or more than one interface leads there. */
  interfaceTo(words: Int32Array): number {
    for (const length of this.#lengths) {
      const route = this.#byLength.get(length)!.get(maskedKey(words, length));
      if (route === undefined) continue;
      const [first] = route.nextHops;
      return first !== undefined && route.nextHops.every((hop) => hop.interfaceIndex === first.interfaceIndex) ? first.interfaceIndex : 0;
    }
    return 0;
  }
}

function isBetter(route: Route, known: Route): boolean {
  const main = Number(route.table === TABLE_MAIN) - Number(known.table === TABLE_MAIN);
  return main !== 0 ? main > 0 : route.priority < known.priority;
}

function mappedLength(route: Route): number {
  return route.family === AddressFamily.Ipv4 ? route.prefixLength + 96 : route.prefixLength;
}

function maskedKey(words: Int32Array, length: number): string {
  let key = "";
  for (let word = 0; word < 4; word++) {
    const bits = Math.min(32, Math.max(0, length - word * 32));
    key += `${bits === 0 ? 0 : words[word]! & (bits === 32 ? -1 : ~(-1 >>> bits))},`;
  }
  return key;
}
