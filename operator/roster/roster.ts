/** Every sensor that ever reported or has a SensorNode. */
import type { Report } from "../../crds/stream/mod.ts";
import { revisionOf } from "./revision.ts";

/** Three heartbeats of 90 s. */
export const STALE_AFTER_MS = 270_000;
/** After an API server was restored from a backup: by then each watch of a sensor has noticed (kube: 90 s of silence). */
const RELISTED_MS = 300_000;
/** Kubernetes itself ends at 5,000 nodes; a report of one more is refused. */
export const MAX_SENSORS = 20_000;
/** Different texts of failures that are kept once each; beyond it a text is kept with its sensor. */
const MAX_TEXTS = 10_000;

export interface SensorFailure {
  /** Of the policy. */
  readonly uid: string;
  readonly generation: number;
  readonly message: string;
}

export interface Sensor {
  readonly node: string;
  fleet: string;
  version: string;
  /** "" until it reported to this process. */
  session: string;
  sequence: number;
  /** Of the first report that this process heard of it; 0: none yet. */
  firstSequence: number;
  /** When that came. By the clock that the caller gives, as are the next two. */
  firstReportMs: number;
  /** When the last one did. */
  lastReportMs: number;
  lastContactMs: number;
  /** Resource versions up to which it has taken over each watch; 0: nothing yet. */
  policies: number;
  flowResets: number;
  fleetRevision: number;
  /** Until when lower versions than before are believed. */
  restoredUntilMs: number;
  failures: readonly SensorFailure[];
  enforcement: Report["health"]["enforcement"];
  apiServer: Report["health"]["apiServer"];
  heartbeat: string;
}

/** What a report changed. */
export interface Heard {
  readonly sensor: Sensor;
  readonly isNewSession: boolean;
  /** It was stale, or not known. */
  readonly isBack: boolean;
  /** Somebody stopped it by hand, or started it again. */
  readonly isStopNew: boolean;
  /** Of policies whose failures came, went or changed. */
  readonly failuresChanged: readonly string[];
  /** What `sensor.policies` was before. */
  readonly policiesBefore: number;
}

export interface Heartbeat {
  readonly node: string;
  readonly fleet: string;
  readonly version: string;
  /** RFC 3339, by the node's own clock. */
  readonly time: string;
  readonly policies: string;
  readonly flowResets: string;
}

export class Roster {
  readonly #sensors = new Map<string, Sensor>();
  readonly #texts = new Map<string, string>();

  get sensors(): ReadonlyMap<string, Sensor> {
    return this.#sensors;
  }

  isFresh(node: string, nowMs: number): boolean {
    const sensor = this.#sensors.get(node);
    return sensor !== undefined && nowMs - sensor.lastContactMs < STALE_AFTER_MS;
  }

  /** Undefined where there is no room for one more. */
  hear(report: Report, nowMs: number): Heard | undefined {
    const known = this.#sensors.get(report.node);
    if (known === undefined && this.#sensors.size >= MAX_SENSORS) return undefined;
    const sensor = known ?? this.#add(report.node, nowMs);
    const isBack = known === undefined || nowMs - known.lastContactMs >= STALE_AFTER_MS;
    const isNewSession = sensor.session !== report.session;
    const before = isNewSession ? { policies: 0, flowResets: 0 } : { policies: sensor.policies, flowResets: sensor.flowResets };
    if (sensor.session === "") Object.assign(sensor, { firstSequence: report.sequence, firstReportMs: nowMs });
    sensor.lastContactMs = nowMs;
    sensor.lastReportMs = nowMs;
    sensor.fleet = report.fleet;
    sensor.version = report.version;
    sensor.session = report.session;
    this.#takeVersions(sensor, report, isNewSession, nowMs);
    sensor.sequence = isNewSession ? report.sequence : Math.max(sensor.sequence, report.sequence);
    const isStopNew = (sensor.enforcement === "Stopped") !== (report.health.enforcement === "Stopped");
    sensor.enforcement = report.health.enforcement;
    sensor.apiServer = report.health.apiServer;
    const failuresChanged = this.#takeFailures(sensor, isNewSession ? (report.failures ?? []) : report.failures);
    return {
      sensor,
      isNewSession,
      isBack,
      isStopNew,
      failuresChanged,
      policiesBefore: before.policies,
    };
  }

  /**
   * From a SensorNode. Clocks of nodes are not compared: a heartbeat counts when it is seen to change. Only the first
   * one after a start is taken at its word, and not as newer than now.
   * @returns whether it brought the sensor back from being stale.
   */
  beat({ node, fleet, version, time, policies, flowResets }: Heartbeat, nowMs: number, wallMs: number): boolean {
    const known = this.#sensors.get(node);
    if (known === undefined && this.#sensors.size >= MAX_SENSORS) return false;
    // Just made, and not written yet: its sensor is starting.
    const ageMs = time === "" ? 0 : Math.max(0, wallMs - (Date.parse(time) || 0));
    const sensor = known ?? this.#add(node, nowMs - ageMs);
    if (sensor.heartbeat === time) return false;
    const isFirst = sensor.heartbeat === "";
    // Made a moment ago, and heard by nothing else: what counted until now was a guess.
    const isGuessed = isFirst && sensor.session === "";
    const wasStale = nowMs - sensor.lastContactMs >= STALE_AFTER_MS;
    sensor.heartbeat = time;
    const contactMs = isFirst ? nowMs - ageMs : nowMs;
    sensor.lastContactMs = isGuessed ? contactMs : Math.max(sensor.lastContactMs, contactMs);
    if (nowMs - sensor.lastReportMs >= STALE_AFTER_MS) {
      // Until it reports, or does so again: better than nothing after a start of this process, or behind a firewall.
      sensor.fleet = fleet;
      sensor.version = version;
      sensor.policies = revisionOf(policies);
      sensor.flowResets = revisionOf(flowResets);
    }
    return wasStale && nowMs - sensor.lastContactMs < STALE_AFTER_MS;
  }

  forget(node: string): void {
    this.#sensors.delete(node);
  }

  #add(node: string, lastContactMs: number): Sensor {
    const sensor: Sensor = {
      node,
      fleet: "",
      version: "",
      session: "",
      sequence: 0,
      firstSequence: 0,
      firstReportMs: 0,
      lastReportMs: -Infinity,
      lastContactMs,
      policies: 0,
      flowResets: 0,
      fleetRevision: 0,
      restoredUntilMs: -Infinity,
      failures: [],
      enforcement: "Enabled",
      apiServer: "Connected",
      heartbeat: "",
    };
    this.#sensors.set(node, sensor);
    return sensor;
  }

  /**
   * What was taken over stays so, though a sensor vouches for less while one of its watches is cut off. The version of
   * a single watch falls only where the API server counts anew from a backup: then the old versions say nothing.
   */
  #takeVersions(sensor: Sensor, { sequence, observed }: Report, isNewSession: boolean, nowMs: number): void {
    const policies = revisionOf(observed.policies);
    const flowResets = revisionOf(observed.flowResets);
    const fleet = revisionOf(observed.fleet);
    const isNewer = isNewSession || sequence > sensor.sequence;
    if (isNewer && !isNewSession && fleet > 0 && fleet < sensor.fleetRevision) sensor.restoredUntilMs = nowMs + RELISTED_MS;
    const isBelieved = isNewSession || (isNewer && nowMs < sensor.restoredUntilMs);
    sensor.policies = isBelieved ? policies : Math.max(sensor.policies, policies);
    sensor.flowResets = isBelieved ? flowResets : Math.max(sensor.flowResets, flowResets);
    if (isNewer && (isNewSession || fleet > 0)) sensor.fleetRevision = fleet;
  }

  #takeFailures(sensor: Sensor, reported: Report["failures"]): string[] {
    if (reported === undefined) return [];
    const before = sensor.failures;
    if (before.length === 0 && reported.length === 0) return [];
    sensor.failures = reported.map(({ uid, generation, message }) => ({ uid: this.#once(uid), generation, message: this.#once(message) }));
    const changed = new Set<string>();
    for (const failure of sensor.failures) if (!before.some((old) => isSame(old, failure))) changed.add(failure.uid);
    for (const old of before) if (!sensor.failures.some((failure) => isSame(old, failure))) changed.add(old.uid);
    return [...changed];
  }

  /** The same text of 5,000 sensors is kept once. */
  #once(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size < MAX_TEXTS) this.#texts.set(text, text);
    return text;
  }
}

function isSame(a: SensorFailure, b: SensorFailure): boolean {
  return a.uid === b.uid && a.generation === b.generation && a.message === b.message;
}
