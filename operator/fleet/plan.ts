/** A fleet's status, and whether its DaemonSet is (still) what it should be. Pure. */
import { mergeConditions, readiness, sameStatus, type ConditionWords, type Verdict } from "../condition/mod.ts";
import type { NodeFailure, SensorFleetStatus } from "../../crds/mod.ts";
import { SHOWN_WITHIN_MS } from "../roster/mod.ts";
import type { Coverage } from "./coverage.ts";
import { MAX_FLEET_NAME } from "./daemonSet.ts";
import type { DaemonSetFacts, FleetFacts } from "./facts.ts";

const SHORTEST_INTERVAL_MS = 1_000;
/** Of one fleet's counts to its sensors. */
const DELIVERIES_PER_SECOND = 200;

/** What a write of the DaemonSet came to. */
export interface Applied {
  readonly fleetGeneration: number;
  readonly daemonSetUid?: string | undefined;
  readonly daemonSetGeneration: number;
  /** When, by the clock of `nowMs`. */
  readonly atMs?: number;
  readonly markKeyUid?: string | undefined;
}

export interface FleetInput {
  readonly fleet: FleetFacts;
  /** The one of its name, if there is one. */
  readonly daemonSet: DaemonSetFacts | undefined;
  /** What was applied last by this leader. */
  readonly applied: Applied | undefined;
  /** Of the Secret with the key that sensors share: another key starts them anew. */
  readonly markKeyUid?: string | undefined;
  readonly hasImage: boolean;
  readonly coverage: Coverage;
  /** Of its sensors, how many are silent for three heartbeats. */
  readonly stale: number;
  /** Pods of it that cannot work. */
  readonly failures: readonly NodeFailure[];
  readonly failed: number;
  /** What the API server refuses to the operator or to sensors, as "watch pods". */
  readonly missingRights: readonly string[];
  /** What stood in the way of the last try. */
  readonly obstacle?: string | undefined;
  readonly nowMs: number;
}

export interface FleetPlan {
  /** Apply the DaemonSet. */
  readonly apply: boolean;
  /** Absent: as it is. */
  readonly status?: SensorFleetStatus;
  /** Somebody waits for it: another generation, or another answer; else only counts and words moved. */
  readonly isUrgent: boolean;
}

/** Whether the fleet may have a DaemonSet at all, and why not. */
function refusalOf({ fleet, daemonSet, hasImage, coverage }: FleetInput): Verdict | undefined {
  const { name, uid } = fleet.metadata;
  if (fleet.fault !== undefined) return { state: "Stalled", reason: "Invalid", message: fleet.fault };
  if (name.length > MAX_FLEET_NAME) return { state: "Stalled", reason: "NameTooLong", message: `Cannot label pods with so long a name, expected at most ${MAX_FLEET_NAME} characters: current length is ${name.length}` };
  if (!hasImage) return { state: "Stalled", reason: "NoImage", message: "Cannot start sensors without an image, expected spec.image, or SENSOR_IMAGE of the operator: current value is absent" };
  if (daemonSet !== undefined && daemonSet.ownerUid !== "" && daemonSet.ownerUid !== uid) {
    return { state: "Stalled", reason: "NotOwned", message: `Cannot use the DaemonSet ${daemonSet.metadata.name}, expected one of this fleet: it belongs to another object` };
  }
  const { overlap } = coverage;
  if (overlap === undefined) return undefined;
  const others = overlap.nodes === 1 ? "" : ` and ${overlap.nodes - 1} more`;
  const kept = daemonSet === undefined ? "no sensor of this fleet is started" : "its sensors stay as they are";
  return { state: "Stalled", reason: "Overlap", message: `The older SensorFleet ${overlap.fleet} selects ${overlap.node}${others} too: ${kept}` };
}

export function planFleet(input: FleetInput): FleetPlan {
  const { fleet, daemonSet, nowMs, stale, failed, failures, coverage } = input;
  const generation = fleet.metadata.generation ?? 1;
  const refusal = refusalOf(input);
  const apply = refusal === undefined && isDue(generation, input);
  const verdict = refusal ?? rolloutOf(input, apply);
  const next: SensorFleetStatus = {
    observedGeneration: generation,
    conditions: mergeConditions(fleet.status.conditions ?? [], [...readiness(verdict), ...furtherConditions(input)], generation, nowMs),
    sensors: {
      desired: daemonSet?.desired ?? 0,
      ready: daemonSet?.ready ?? 0,
      updated: daemonSet?.updated ?? 0,
      failed,
      stale,
      uncovered: coverage.uncovered,
    },
    ...(failures.length > 0 && { failures: [...failures] }),
  };
  return sameStatus(next, fleet.status) ? { apply, isUrgent: false } : { apply, status: next, isUrgent: saysElse(next, fleet.status) };
}

/** Whether a condition has another status or reason, of this generation. */
function saysElse(next: SensorFleetStatus, status: SensorFleetStatus): boolean {
  const answers = ({ observedGeneration, conditions = [] }: SensorFleetStatus) => [`${observedGeneration}`, ...conditions.map(({ type, status: holds, reason }) => `${type} ${holds} ${reason}`)].toSorted().join();
  return answers(next) !== answers(status);
}

/** Between two writes of a fleet's counts: each goes to every sensor, and a rollout of thousands moves them all the time. */
export function countsIntervalMs(sensors: number): number {
  return Math.max(SHORTEST_INTERVAL_MS, (sensors / DELIVERIES_PER_SECOND) * 1_000);
}

/** Another generation or key than was applied; or somebody changed the DaemonSet since, exchanged it, or took it away from its fleet. */
function isDue(generation: number, { fleet, daemonSet, applied, markKeyUid, nowMs }: FleetInput): boolean {
  if (daemonSet === undefined || applied === undefined) return true;
  const { metadata, ownerUid } = daemonSet;
  if (ownerUid !== fleet.metadata.uid || metadata.uid !== applied.daemonSetUid) return true;
  // An earlier one, shown for good: the API server was restored from a backup.
  const isOfThePast = (metadata.generation ?? 0) < applied.daemonSetGeneration && nowMs - (applied.atMs ?? nowMs) > SHOWN_WITHIN_MS;
  return isOfThePast || applied.fleetGeneration !== generation || applied.markKeyUid !== markKeyUid || (metadata.generation ?? 0) > applied.daemonSetGeneration;
}

function rolloutOf({ daemonSet, applied, failed, failures, obstacle }: FleetInput, apply: boolean): Verdict {
  if (obstacle !== undefined) return { state: "Reconciling", reason: "Obstructed", message: obstacle };
  if (apply || daemonSet === undefined) return { state: "Reconciling", reason: "Applying", message: "Its DaemonSet is being written" };
  const { desired, ready, updated, observedGeneration, metadata } = daemonSet;
  // Also while the one that was written is not shown yet: what the old one says of its sensors is true of the old ones.
  if (observedGeneration < Math.max(metadata.generation ?? 0, applied?.daemonSetGeneration ?? 0)) return { state: "Reconciling", reason: "Scheduling", message: "Its DaemonSet is being looked at" };
  if (desired === 0) return { state: "Ready", reason: "NoNodeSelected", message: "No node is selected" };
  if (updated < desired) return { state: "Reconciling", reason: "RollingOut", message: `${updated} of ${desired} sensors are of the newest version` };
  if (ready >= desired) return { state: "Ready", reason: "Running", message: `${ready} of ${desired} sensors are ready` };
  const why = failures[0] === undefined ? "" : `: ${failures[0].node}: ${failures[0].message}`;
  return { state: "Reconciling", reason: failed > 0 ? "SensorsFail" : "Starting", message: `${ready} of ${desired} sensors are ready${why}` };
}

const MAX_RIGHTS_NAMED = 8;

function furtherConditions({ fleet, stale, coverage, missingRights }: FleetInput): ConditionWords[] {
  const isStopped = fleet.spec?.enforcement === "ObserveOnly";
  const gaps = [stale > 0 ? `${stale} sensors are silent for three heartbeats` : "", coverage.uncovered > 0 ? `${coverage.uncovered} nodes cannot have a sensor` : ""].filter((text) => text !== "");
  const words: ConditionWords[] = [
    { type: "Enforcing", status: isStopped ? "False" : "True", reason: isStopped ? "ObserveOnly" : "Enabled", message: isStopped ? "The emergency stop is on: nothing is injected" : "" },
    { type: "Coverage", status: gaps.length === 0 ? "True" : "False", reason: stale > 0 ? "SensorsStale" : gaps.length > 0 ? "NodesUncovered" : "AllCovered", message: gaps.join("; ") },
  ];
  words.push(...sayWhere(fleet.notes.length > 0, fleet, { type: "Supported", bad: "NotSupportedYet", good: "Supported", message: fleet.notes.slice(0, 3).join("; ") }));
  const refused = missingRights.slice(0, MAX_RIGHTS_NAMED).join(", ");
  words.push(...sayWhere(missingRights.length > 0, fleet, { type: "Permitted", bad: "RightsMissing", good: "Permitted", message: `The API server refuses: ${refused}` }));
  return words;
}

/** A condition that is said only where something is wrong, and taken back where it was said. */
function sayWhere(isWrong: boolean, { status }: FleetFacts, { type, bad, good, message }: { type: string; bad: string; good: string; message: string }): ConditionWords[] {
  if (isWrong) return [{ type, status: "False", reason: bad, message }];
  return status.conditions?.some((condition) => condition.type === type) === true ? [{ type, status: "True", reason: good, message: "" }] : [];
}
