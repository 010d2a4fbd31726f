/**
 * What an earlier leader wrote into a FlowReset's status. Sensors keep nothing that was acknowledged to them, so the
 * status alone tells of it; what was written and not acknowledged yet they tell again.
 */
import type { FlowInStatus, FlowResetStatus } from "../../crds/mod.ts";
import type { JoinedFlow } from "./join.ts";
import { countFlows, NO_COUNTS, type Counts } from "./counts.ts";

export interface Earlier {
  /** The first ten. */
  readonly flows: readonly JoinedFlow[];
  /** Of those that the status counts and does not show. */
  readonly rest: Counts;
}

/** Undefined where nothing had matched. */
export function earlierOf({ summary, flows = [] }: FlowResetStatus): Earlier | undefined {
  if (summary === undefined || summary.matched === 0) return undefined;
  const shown = flows.map(joinedFlow);
  const counted = countFlows(shown);
  const rest: Counts = { ...NO_COUNTS };
  for (const name of Object.keys(rest) as (keyof Counts)[]) rest[name] = Math.max(0, summary[name] - counted[name]);
  return { flows: shown, rest };
}

/** Whoever tells of it again knows better: it did the work, or saw the proof. */
function joinedFlow({ node, client, server, clientPod, serverPod, outcome, reason = "", latency = "" }: FlowInStatus): JoinedFlow {
  const pods = { ...(clientPod !== undefined && { clientPod }), ...(serverPod !== undefined && { serverPod }) };
  return { node, connection: "", client, server, ...pods, outcome, reason, rsts: 0, latencyMicroseconds: Math.round((Number.parseFloat(latency) || 0) * 1_000), actor: "second" };
}
