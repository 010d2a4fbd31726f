/** What a sensor writes of itself into its SensorNode's status. Pure: what it knows in, the status out. */
import type { Condition, SensorNodeStatus } from "../../crds/mod.ts";

export interface NodeFacts {
  readonly nowMs: number;
  readonly version: string;
  readonly session: string;
  readonly observed: NonNullable<SensorNodeStatus["observed"]>;
  readonly policies: NonNullable<SensorNodeStatus["policies"]>;
  readonly capture: NonNullable<SensorNodeStatus["capture"]>;
  readonly enforcement: NonNullable<SensorNodeStatus["enforcement"]>;
  readonly gap: SensorNodeStatus["gap"];
  readonly unreported: NonNullable<SensorNodeStatus["unreported"]>;
  readonly missingRights: readonly string[];
  /** Why the sensor does not work; undefined where it does. */
  readonly trouble: string | undefined;
  /** Names of interfaces of which one direction alone is seen. */
  readonly halfBlind: readonly string[];
  readonly podsUnseen: readonly string[];
  /** Why the key of the mark is not the fleet's; undefined where it is. */
  readonly markKeyFault: string | undefined;
  readonly isTooOld: boolean;
  /** When the API server was last heard about policies. */
  readonly contactMs: number;
  /** The last time that the API server was away, since this session began. */
  readonly outage: { readonly fromMs: number; readonly toMs: number; readonly resets: number } | undefined;
}

const MAX_NAMED = 5;

/** @param before the conditions that were written last: a status that stays keeps its time. */
export function nodeStatus(facts: NodeFacts, before: readonly Condition[]): SensorNodeStatus {
  const { nowMs, version, session, observed, policies, capture, enforcement, gap, unreported, missingRights } = facts;
  const conditions = [ready(facts), coverage(facts), policyFresh(facts), apiServerReachable(facts)].map((judged): Condition => {
    const known = before.find(({ type }) => type === judged.type);
    return { ...judged, lastTransitionTime: known?.status === judged.status ? known.lastTransitionTime : time(nowMs) };
  });
  return {
    heartbeatTime: time(nowMs),
    version,
    session,
    conditions,
    observed,
    policies,
    capture,
    enforcement,
    ...(gap === undefined ? {} : { gap }),
    unreported,
    missingRights: [...missingRights],
  };
}

type Judged = Omit<Condition, "lastTransitionTime">;

function ready({ trouble, missingRights, policies, markKeyFault }: NodeFacts): Judged {
  if (trouble !== undefined) return judged("Ready", "False", "NotWorking", trouble);
  if (missingRights.length > 0) return judged("Ready", "False", "MissingRights", `the API server does not allow: ${named(missingRights)}`);
  const words = policies.failed === 0 ? "sees packets and has its policies" : `sees packets; ${policies.failed} policies could not be loaded whole`;
  const key = markKeyFault === undefined ? "" : `; does not know other sensors' resets: ${markKeyFault}`;
  return judged("Ready", "True", policies.failed === 0 ? "Working" : "WorkingWithFailures", words + key);
}

function coverage({ halfBlind, podsUnseen }: NodeFacts): Judged {
  if (halfBlind.length > 0) return judged("Coverage", "False", "HalfBlind", `of these interfaces only one direction is seen, as under eBPF host routing: ${named(halfBlind)}`);
  if (podsUnseen.length > 0) return judged("Coverage", "False", "PodsUnseen", `the interface of these pods is not known, nothing is enforced for them: ${named(podsUnseen)}`);
  return judged("Coverage", "True", "BothDirections", "both directions of every pod are seen");
}

function policyFresh({ isTooOld, contactMs }: NodeFacts): Judged {
  const heard = contactMs === 0 ? "never" : time(contactMs);
  if (isTooOld) return judged("PolicyFresh", "False", "PolicyTooOld", `the API server was last heard ${heard}, longer ago than maxPolicyAge: nothing is enforced`);
  return judged("PolicyFresh", "True", "Followed", "policies are followed as they change");
}

/** This is written to it, so that it is reachable now; what is told is how it was. */
function apiServerReachable({ outage }: NodeFacts): Judged {
  if (outage === undefined) return judged("ApiServerReachable", "True", "Connected", "every watch is open");
  const { fromMs, toMs, resets } = outage;
  return judged("ApiServerReachable", "True", "ReachableAgain", `it was away from ${time(fromMs)} to ${time(toMs)}; ${resets} connections were reset meanwhile by what was known before`);
}

function judged(type: string, status: Condition["status"], reason: string, message: string): Judged {
  return { type, status, reason, message };
}

function named(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** As an API server writes it: whole seconds. */
function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
