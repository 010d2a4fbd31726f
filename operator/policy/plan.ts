/**
 * A policy's status as a pure function of who has loaded it, whether it may enforce, and what it counted. What a person
 * or a pipeline waits for is written at once; counts go by the budget, because each write goes to every sensor.
 */
import { mergeConditions, readiness, sameStatus, type ConditionWords, type Verdict } from "../condition/mod.ts";
import type { Condition, NodeFailure, PolicyStatus } from "../../crds/mod.ts";
import type { Counters } from "./ledger.ts";
import { DELIVERIES_PER_SECOND, LOADING_UNSAID_MS, SETTLE_MS, SHORTEST_INTERVAL_MS } from "./limits.ts";

/** Sensors as one policy sees them. */
export interface Tally {
  /** Selected and fresh. */
  readonly desired: number;
  readonly ready: number;
  readonly failed: number;
  /** Fresh, but nothing loaded yet since their start: they will load the newest of all. */
  readonly starting: number;
  readonly stale: number;
  readonly notSelected: number;
  readonly failures: readonly NodeFailure[];
}

export interface PolicyInput {
  readonly generation: number;
  readonly fault?: string | undefined;
  readonly notes: readonly string[];
  readonly tally: Tally;
  /** Whether it may enforce, and why not. */
  readonly enforcing: Omit<ConditionWords, "type">;
  readonly counters?: Counters | undefined;
  readonly status: PolicyStatus;
  /** When counts may be written. */
  readonly countsDueMs: number;
  /** Since when this leader knows this generation, and since when it leads. */
  readonly seenMs: number;
  readonly ledSinceMs: number;
  /** Over how long all sensors together say that they have loaded it. */
  readonly answerSpreadMs: number;
  readonly nowMs: number;
}

export interface PolicyPlan {
  /** Absent: as it is, or not yet. */
  readonly status?: PolicyStatus;
  readonly againMs?: number;
  /** Sensors still have to load this generation. */
  readonly isUnsettled: boolean;
}

/** Between two writes of one policy's counts: all policies together keep to the budget of deliveries. */
export function countsIntervalMs(policies: number, nodes: number): number {
  return Math.max(SHORTEST_INTERVAL_MS, ((policies * nodes) / DELIVERIES_PER_SECOND) * 1_000);
}

export function planPolicy(input: PolicyInput): PolicyPlan {
  const { generation, tally, counters, status, countsDueMs, nowMs, fault } = input;
  const verdict = verdictOf(input);
  const { desired, ready, failed, notSelected, stale, failures } = tally;
  const { lastResetTime } = status.counters ?? {};
  const hasReset = counters !== undefined && counters.reset > (status.counters?.reset ?? 0);
  const resetTime = hasReset ? { lastResetTime: timeOf(nowMs) } : lastResetTime === undefined ? {} : { lastResetTime };
  const next: PolicyStatus = {
    observedGeneration: generation,
    conditions: mergeConditions(status.conditions ?? [], conditionsOf(input, verdict), generation, nowMs),
    sensors: { desired, ready, failed, notSelected, stale },
    ...(failures.length > 0 && { failures: [...failures] }),
    ...(counters !== undefined && { counters: { ...counters, ...resetTime } }),
  };
  const isUnsettled = fault === undefined && verdict.state === "Reconciling";
  if (sameStatus(next, status)) return { isUnsettled };
  if (isUnsettled) {
    // To a new leader sensors come back one by one: what was ready is not taken back for that.
    if (isReady(status, generation) && nowMs < input.ledSinceMs + SETTLE_MS) return { againMs: input.ledSinceMs + SETTLE_MS - nowMs, isUnsettled: false };
    const unsaidUntilMs = input.seenMs + LOADING_UNSAID_MS + input.answerSpreadMs;
    if (nowMs < unsaidUntilMs) return { againMs: unsaidUntilMs - nowMs, isUnsettled };
  }
  if (nowMs >= countsDueMs || isUrgent(next, status)) return { status: next, isUnsettled };
  return { againMs: countsDueMs - nowMs, isUnsettled };
}

function isReady({ observedGeneration, conditions = [] }: PolicyStatus, generation: number): boolean {
  return observedGeneration === generation && conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

function verdictOf({ fault, tally, status, generation }: PolicyInput): Verdict {
  if (fault !== undefined) return { state: "Stalled", reason: "Invalid", message: fault };
  const { desired, ready, failed, starting, stale, notSelected } = tally;
  const loaded = `Loaded by ${ready} of ${desired} sensors`;
  if (failed > 0) return { state: "Stalled", reason: "LoadFailed", message: `${failed} of ${desired} sensors could not load it: ${tally.failures[0]?.message ?? ""}` };
  if (desired + stale === 0 && notSelected > 0) return { state: "Ready", reason: "NoNodeSelected", message: `No node is selected; ${notSelected} are not` };
  if (desired === 0) return { state: "Reconciling", reason: "NoSensor", message: stale === 0 ? "No sensor has reported yet" : `All ${stale} sensors are silent` };
  // A sensor that starts anew takes back nothing that was said, but nothing is said of it before it has loaded.
  const settled = isReady(status, generation) ? ready + starting : ready;
  if (ready === 0 || settled < desired) return { state: "Reconciling", reason: "Loading", message: loaded };
  return { state: "Ready", reason: "Loaded", message: loaded };
}

function conditionsOf({ tally, notes, enforcing, status }: PolicyInput, verdict: Verdict): ConditionWords[] {
  const { stale, starting, desired } = tally;
  const missing = [stale > 0 ? `${stale} silent for three heartbeats` : "", starting > 0 ? `${starting} starting` : ""].filter((text) => text !== "").join(", ");
  const words: ConditionWords[] = [
    ...readiness(verdict),
    { type: "Enforcing", ...enforcing },
    { type: "Coverage", status: stale + starting === 0 ? "True" : "False", reason: stale > 0 ? "SensorsStale" : starting > 0 ? "SensorsStarting" : "AllReport", message: missing === "" ? "" : `Of ${desired + stale} sensors ${missing}` },
  ];
  // Said only where there is something to say, and taken back where it was said.
  const wasSaid = status.conditions?.some(({ type }) => type === "Supported") === true;
  if (notes.length > 0) words.push({ type: "Supported", status: "False", reason: "NotSupportedYet", message: notes.join("; ") });
  else if (wasSaid) words.push({ type: "Supported", status: "True", reason: "Supported", message: "" });
  return words;
}

const URGENT = ["Ready", "Stalled", "Enforcing", "Supported"];

/** Another generation, or another answer to a question that somebody waits for. */
function isUrgent(next: PolicyStatus, status: PolicyStatus): boolean {
  if (next.observedGeneration !== status.observedGeneration) return true;
  const answerOf = (conditions: readonly Condition[] | undefined, type: string) => {
    const found = conditions?.find((condition) => condition.type === type);
    return found === undefined ? "" : `${found.status} ${found.reason}`;
  };
  return URGENT.some((type) => answerOf(next.conditions, type) !== answerOf(status.conditions, type));
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
