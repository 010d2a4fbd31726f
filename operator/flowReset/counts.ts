/** Connections of a FlowReset by what became of them, as its status counts them. */
import type { FlowOutcome } from "../../crds/mod.ts";
import type { FlowResult } from "../../crds/stream/mod.ts";

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

export const NO_COUNTS: Readonly<Counts> = { matched: 0, reset: 0, confirmed: 0, unconfirmed: 0, evaded: 0, failed: 0, wouldReset: 0, suppressed: 0 };

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

export function countFlows(flows: readonly Pick<FlowResult, "outcome">[]): Counts {
  const counts: Counts = { ...NO_COUNTS, matched: flows.length };
  for (const { outcome } of flows) {
    counts[COUNTED_AS[outcome]]++;
    if (WAS_CUT.has(outcome)) counts.reset++;
  }
  return counts;
}
