/** What each policy has done here since the sensor started: from the Workers' series, by the object's uid. */
import { Verdict } from "./decide/mod.ts";
import { fullName } from "./fullName.ts";
import { Outcome, OutcomeReason } from "./inject/mod.ts";
import { SeriesKind } from "./report/mod.ts";
import type { Counters, LabelTable } from "./report/mod.ts";

export interface PolicyReference {
  readonly kind: "ResponsePolicy" | "ClusterResponsePolicy";
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

interface Totals {
  detections: number;
  wouldReset: number;
  reset: number;
  confirmed: number;
  suppressed: number;
}

const WOULD: readonly number[] = [Verdict.WouldReset, Verdict.WouldRefuse];
/** Outcomes of connections at which something was sent. */
const CUT: readonly number[] = [Outcome.Confirmed, Outcome.Unconfirmed, Outcome.Evaded];

export class PolicyTotals {
  readonly #counters: () => readonly Counters[];
  readonly #labels: LabelTable;
  /** By name: the object that has it now, and what others of that name had done before. */
  readonly #owners = new Map<string, { readonly uid: string; readonly before: Totals }>();

  constructor(counters: () => readonly Counters[], labels: LabelTable) {
    this.#counters = counters;
    this.#labels = labels;
  }

  read(policies: readonly PolicyReference[]): (PolicyReference & Totals)[] {
    const byName = this.#byName();
    return policies.map((policy) => {
      const key = fullName(policy);
      const now = byName.get(key) ?? nothing();
      let owner = this.#owners.get(key);
      if (owner === undefined || owner.uid !== policy.uid) {
        owner = { uid: policy.uid, before: owner === undefined ? nothing() : { ...now } };
        this.#owners.set(key, owner);
      }
      const { before } = owner;
      const { kind, namespace, name, uid } = policy;
      return {
        kind, namespace, name, uid,
        detections: now.detections - before.detections,
        wouldReset: now.wouldReset - before.wouldReset,
        reset: now.reset - before.reset,
        confirmed: now.confirmed - before.confirmed,
        suppressed: now.suppressed - before.suppressed,
      };
    });
  }

  #byName(): Map<string, Totals> {
    const totals = new Map<string, Totals>();
    for (const { series } of this.#counters()) {
      series.forEach(({ kind, policy, a, b, reason, value }) => {
        const name = this.#labels.name(policy);
        let entry = totals.get(name);
        if (entry === undefined) totals.set(name, (entry = nothing()));
        if (kind === SeriesKind.Verdict) {
          entry.detections += value;
          if (WOULD.includes(a)) entry.wouldReset += value;
          if (a === Verdict.Suppress) entry.suppressed += value;
        } else if (reason === OutcomeReason.MovedAfterConfirmed) {
          // The second word on a connection that was counted as confirmed.
          entry.confirmed -= value;
        } else {
          if (CUT.includes(b)) entry.reset += value;
          if (b === Outcome.Confirmed) entry.confirmed += value;
        }
      });
    }
    return totals;
  }
}

function nothing(): Totals {
  return { detections: 0, wouldReset: 0, reset: 0, confirmed: 0, suppressed: 0 };
}
