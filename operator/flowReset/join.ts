/**
 * What became of the connections, over all nodes that saw them. One connection is seen by the node of its client pod
 * and by that of its server pod; both know it by its two initial sequence numbers, whatever NAT made of its addresses.
 */
import type { FlowResult, ResetReport } from "../../crds/stream/mod.ts";
import { countFlows, type Counts } from "./counts.ts";
import type { Earlier } from "./earlier.ts";
import { MAX_JOINED_FLOWS } from "./limits.ts";

export interface JoinedFlow extends FlowResult {
  readonly node: string;
}

/** What one sensor said of one FlowReset, everything that it posted put together. */
export interface NodeResult {
  readonly node: string;
  readonly session: string;
  readonly phase: ResetReport["phase"];
  readonly reason: string;
  readonly message: string;
  readonly matched: number;
  readonly startedAt: string;
  readonly finishedAt?: string | undefined;
  readonly flows: ReadonlyMap<string, FlowResult>;
}

export interface Joined {
  readonly flows: readonly JoinedFlow[];
  readonly counts: Counts;
}

/** By its numbers, or by its addresses where they are not known. */
export function connectionKey({ connection, client, server }: FlowResult): string {
  return connection === "" ? `${client} ${server}` : connection;
}

/** `earlier`: what another leader wrote of it, if one did; a connection that is told again is counted once. */
export function joinResults(results: Iterable<NodeResult>, earlier?: Earlier): Joined {
  const best = new Map<string, JoinedFlow>();
  const keys = new AddressKeys();
  for (const flow of earlier?.flows ?? []) best.set(keys.of(EARLIER, connectionKey(flow), flow), flow);
  const shown = best.size;
  let uncounted = 0;
  let mostMatched = 0;
  for (const { node, matched, flows } of results) {
    uncounted += Math.max(0, matched - flows.size);
    mostMatched = Math.max(mostMatched, matched);
    for (const [ownKey, flow] of flows) {
      const key = keys.of(node, ownKey, flow);
      const known = best.get(key);
      if (known === undefined && best.size >= MAX_JOINED_FLOWS) uncounted++;
      else if (known === undefined || isBetter(flow, known)) best.set(key, { ...flow, node });
    }
  }
  const flows = [...best.values()];
  const counts = countFlows(flows);
  if (earlier === undefined) counts.matched += uncounted;
  else addRest(counts, earlier.rest, countFlows(flows.slice(shown)), mostMatched);
  return { flows, counts };
}

/** Which of the newcomers are among the rest cannot be known: neither more than both together, nor fewer than either. */
function addRest(counts: Counts, rest: Counts, newcomers: Counts, mostMatched: number): void {
  for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] += Math.max(0, rest[name] - newcomers[name]);
  // A sensor counts from the beginning, also what it told the earlier leader.
  counts.matched = Math.max(counts.matched, mostMatched);
}

/** Stands for the node of connections that an earlier leader knew: whoever tells of one now is another. */
const EARLIER = "";

/**
 * Where one node knows a connection's numbers and the other does not (it saw no handshake), the addresses tell that it
 * is the same, as long as they are the same on both. Of one node two flows are always two.
 */
class AddressKeys {
  readonly #byAddresses = new Map<string, { key: string; readonly nodes: Set<string>; isNumbered: boolean }>();
  /** Connections with numbers that go by another key. */
  readonly #byNumbers = new Map<string, string>();

  of(node: string, ownKey: string, { connection, client, server }: FlowResult): string {
    const numbered = this.#byNumbers.get(ownKey);
    if (numbered !== undefined) return numbered;
    const addresses = `${client} ${server}`;
    const known = this.#byAddresses.get(addresses);
    const isNumbered = connection !== "";
    if (known === undefined) {
      this.#byAddresses.set(addresses, { key: ownKey, nodes: new Set([node]), isNumbered });
      return ownKey;
    }
    if (known.nodes.has(node) || (known.isNumbered && isNumbered)) return ownKey;
    known.nodes.add(node);
    known.isNumbered ||= isNumbered;
    if (isNumbered) this.#byNumbers.set(ownKey, known.key);
    return known.key;
  }
}

/** The proof of death wins, whoever has it; else what the first actor says: it did the work. */
function isBetter(flow: FlowResult, known: FlowResult): boolean {
  if ((flow.outcome === "Confirmed") !== (known.outcome === "Confirmed")) return flow.outcome === "Confirmed";
  return flow.actor === "first" && known.actor === "second";
}
