/**
 * What became of the connections, over all nodes that saw them. One connection is seen by the node of its client pod
 * and by that of its server pod; both know it by its two initial sequence numbers, whatever NAT made of its addresses.
 */
import type { FlowOutcome } from "../../crds/mod.ts";
import type { FlowResult, ResetReport } from "../../crds/stream/mod.ts";
import { MAX_JOINED_FLOWS } from "./limits.ts";

export interface JoinedFlow extends FlowResult {
  readonly node: string;
}

export interface Counts {
  matched: number;
  reset: number;
  confirmed: number;
  unconfirmed: number;
  evaded: number;
  failed: number;
  wouldReset: number;
  suppressed: number;
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

export function joinResults(results: Iterable<NodeResult>): Joined {
  const best = new Map<string, JoinedFlow>();
  const keys = new TupleKeys();
  let uncounted = 0;
  for (const { node, matched, flows } of results) {
    uncounted += Math.max(0, matched - flows.size);
    for (const [ownKey, flow] of flows) {
      const key = keys.of(node, ownKey, flow);
      const known = best.get(key);
      if (known === undefined && best.size >= MAX_JOINED_FLOWS) uncounted++;
      else if (known === undefined || isBetter(flow, known)) best.set(key, { ...flow, node });
    }
  }
  const flows = [...best.values()];
  return { flows, counts: countFlows(flows, uncounted) };
}

/**
 * Where one node knows a connection's numbers and the other does not (it saw no handshake), the addresses tell that it
 * is the same, as long as they are the same on both. Of one node two flows are always two.
 */
class TupleKeys {
  readonly #byTuple = new Map<string, { key: string; readonly nodes: Set<string>; isNumbered: boolean }>();

  of(node: string, ownKey: string, { connection, client, server }: FlowResult): string {
    const tuple = `${client} ${server}`;
    const known = this.#byTuple.get(tuple);
    const isNumbered = connection !== "";
    if (known === undefined) {
      this.#byTuple.set(tuple, { key: ownKey, nodes: new Set([node]), isNumbered });
      return ownKey;
    }
    if (known.nodes.has(node) || (known.isNumbered && isNumbered)) return ownKey;
    known.nodes.add(node);
    known.isNumbered ||= isNumbered;
    return known.key;
  }
}

/** The proof of death wins, whoever has it; else what the first actor says: it did the work. */
function isBetter(flow: FlowResult, known: FlowResult): boolean {
  if ((flow.outcome === "Confirmed") !== (known.outcome === "Confirmed")) return flow.outcome === "Confirmed";
  return flow.actor === "first" && known.actor === "second";
}

const COUNTED_AS: Readonly<Record<FlowOutcome, keyof Counts>> = {
  Confirmed: "confirmed",
  Unconfirmed: "unconfirmed",
  Evaded: "evaded",
  Failed: "failed",
  WouldReset: "wouldReset",
  Suppressed: "suppressed",
};
/** Outcomes of connections at which a RST was sent, or a handshake refused. */
export const WAS_CUT: ReadonlySet<FlowOutcome> = new Set(["Confirmed", "Unconfirmed", "Evaded"]);

function countFlows(flows: readonly JoinedFlow[], uncounted: number): Counts {
  const counts: Counts = { matched: flows.length + uncounted, reset: 0, confirmed: 0, unconfirmed: 0, evaded: 0, failed: 0, wouldReset: 0, suppressed: 0 };
  for (const { outcome } of flows) {
    counts[COUNTED_AS[outcome]]++;
    if (WAS_CUT.has(outcome)) counts.reset++;
  }
  return counts;
}
