/** Looks now and then whether some pod's interface shows one direction only; see cluster/coverage.ts. */
import { readFileSync } from "node:fs";
import { countsSince, directionsOf, isHalfBlind, parseInterfaceCounts } from "./cluster/mod.ts";
import type { InterfaceCounts, SeenConnection } from "./cluster/mod.ts";
import type { FlowLine, FlowQuery } from "./control/mod.ts";

const LOOK_MS = 15_000;
/** Pods whose connections are asked for at one look: asking walks the table. */
const MAX_SUSPECTS = 8;
const CONNECTIONS_OF_POD = 32;
const WAS_ESTABLISHED = ["Established", "Closing", "Closed"];

export interface CoverageWatchOptions {
  /** Names of pods' interfaces, with the addresses of who lives behind them. */
  readonly pods: () => readonly { readonly interfaceName: string; readonly addresses: readonly string[] }[];
  readonly flows: (query: FlowQuery) => Promise<FlowLine[]>;
  readonly onChange: (halfBlind: readonly string[]) => void;
  /** /proc/net/dev. */
  readonly readCounts?: () => string;
}

export class CoverageWatch {
  readonly #options: CoverageWatchOptions;
  #before: ReadonlyMap<string, InterfaceCounts> = new Map();
  #halfBlind = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CoverageWatchOptions) {
    this.#options = options;
  }

  get halfBlind(): readonly string[] {
    return [...this.#halfBlind].sort();
  }

  start(): void {
    this.#before = new Map(this.#counts().map((counts) => [counts.name, counts]));
    this.#timer = setInterval(() => void this.look().catch(() => {}), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    const pods = new Map(this.#options.pods().map(({ interfaceName, addresses }) => [interfaceName, addresses]));
    const found = new Set([...this.#halfBlind].filter((name) => pods.has(name)));
    const before = new Map<string, InterfaceCounts>();
    let suspects = 0;
    for (const now of this.#counts()) {
      const addresses = pods.get(now.name);
      if (addresses === undefined) continue;
      const since = countsSince(now, this.#before.get(now.name));
      const directions = directionsOf(since);
      // Too few count on until there are enough to judge by.
      before.set(now.name, directions === "TooFew" ? (this.#before.get(now.name) ?? now) : now);
      if (directions === "Both") found.delete(now.name);
      if (directions === "One" && ++suspects <= MAX_SUSPECTS && isHalfBlind(since, await this.#connectionsOf(addresses))) found.add(now.name);
    }
    this.#before = before;
    const changed = [...found].sort().join() !== this.halfBlind.join();
    this.#halfBlind = found;
    if (changed) this.#options.onChange(this.halfBlind);
  }

  async #connectionsOf(addresses: readonly string[]): Promise<SeenConnection[]> {
    const connections: SeenConnection[] = [];
    for (const ip of addresses) {
      for (const { client, packetsToServer, packetsToClient, state } of await this.#options.flows({ ip, limit: CONNECTIONS_OF_POD })) {
        const isClient = client.ip === ip;
        const [fromPod, toPod] = isClient ? [packetsToServer, packetsToClient] : [packetsToClient, packetsToServer];
        connections.push({ fromPod, toPod, isEstablished: WAS_ESTABLISHED.includes(state) });
      }
    }
    return connections;
  }

  #counts(): InterfaceCounts[] {
    const { readCounts = () => readFileSync("/proc/net/dev", "utf8") } = this.#options;
    return parseInterfaceCounts(readCounts());
  }
}
