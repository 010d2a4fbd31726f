/** The controller of ResponsePolicy and ClusterResponsePolicy: gathers, plans, writes. */
import type { Labels } from "../../crds/mod.ts";
import type { Report } from "../../crds/stream/mod.ts";
import { KubeError, kindedKeyOf, RESOURCES, type EventRecorder, type KubeClient, type KubeObject, type Resource } from "../../kube/mod.ts";
import { revisionOf, SHOWN_WITHIN_MS, type Heard, type Roster, type Sensor } from "../roster/mod.ts";
import { enforcingOf, type FleetRules } from "./enforcing.ts";
import type { PolicyFacts } from "./facts.ts";
import { tallyOf } from "./gather.ts";
import { IncidentRecorder } from "./incidents.ts";
import { CounterLedger } from "./ledger.ts";
import { PROGRESS_MS, SETTLE_MS } from "./limits.ts";
import { DeliveryPace } from "./pace.ts";
import { countsIntervalMs, planPolicy } from "./plan.ts";

export interface PolicyControllerOptions {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly roster: Roster;
  readonly fieldManager: string;
  find(key: string): PolicyFacts | undefined;
  /** How many there are of both kinds. */
  count(): number;
  labelsOfNode(node: string): Labels | undefined;
  labelsOfNamespace(namespace: string): Labels | undefined;
  fleets(): readonly FleetRules[];
  /** Over how long all sensors together answer. */
  answerSpreadMs(): number;
  enqueueAfter(key: string, ms: number): void;
  nowMs(): number;
  monotonicMs(): number;
}

interface Track {
  readonly uid: string;
  generation: number;
  /** Resource version at which this generation was first seen. */
  revision: number;
  /** When, by the wall clock. */
  seenMs: number;
  countsDueMs: number;
  /** Resource version of our own last write. */
  writtenRevision: number;
  writtenMs: number;
  wasStalled: boolean;
}

const RESOURCE_OF: Readonly<Record<PolicyFacts["kind"], Resource>> = { ResponsePolicy: RESOURCES.responsePolicies, ClusterResponsePolicy: RESOURCES.clusterResponsePolicies };

export class PolicyController {
  readonly #options: PolicyControllerOptions;
  readonly #ledger = new CounterLedger();
  readonly #tracks = new Map<string, Track>();
  /** Keys whose generation sensors still load: each report is compared with these, not with all. */
  readonly #unsettled = new Set<string>();
  readonly #keyByUid = new Map<string, string>();
  readonly #incidents: IncidentRecorder;
  readonly #ledSinceMs: number;
  readonly #pace = new DeliveryPace();

  constructor(options: PolicyControllerOptions) {
    this.#options = options;
    this.#ledSinceMs = options.monotonicMs();
    this.#incidents = new IncidentRecorder({ client: options.client, recorder: options.recorder, keyOf: (uid) => this.#keyByUid.get(uid) });
  }

  /** A policy as the API server shows it: what sensors count of it is kept from now on. */
  see({ kind, metadata, status }: PolicyFacts): void {
    this.#keyByUid.set(metadata.uid!, kindedKeyOf({ kind, metadata }));
    this.#ledger.open(metadata.uid!, status.counters);
  }

  /** It is gone, perhaps before anybody looked at it. */
  unsee({ metadata }: PolicyFacts): void {
    this.#keyByUid.delete(metadata.uid!);
    this.#ledger.close(metadata.uid!);
  }

  /** A report of a sensor that the roster has taken over. */
  hear(report: Report, { sensor, policiesBefore, failuresChanged, isBack, isStopNew }: Heard): void {
    const { enqueueAfter, monotonicMs } = this.#options;
    const asOfMs = monotonicMs();
    const isLate = this.#isLate(sensor, asOfMs);
    for (const counters of report.counters) {
      if (!this.#ledger.take(report.node, report.session, counters, isLate)) continue;
      const key = this.#keyByUid.get(counters.uid)!;
      enqueueAfter(key, Math.max(1, (this.#tracks.get(key)?.countsDueMs ?? 0) - asOfMs));
    }
    for (const uid of failuresChanged) {
      const key = this.#keyByUid.get(uid);
      if (key !== undefined) enqueueAfter(key, this.#progressMs());
    }
    this.observe(sensor, policiesBefore, isBack);
    if (isStopNew) this.lookAtAll();
    this.#incidents.take(report.node, report.incidents);
  }

  /** A sensor has taken over more of the policies than before, or is back. */
  observe({ policies }: Sensor, policiesBefore: number, isBack = false): void {
    for (const key of this.#unsettled) {
      const { revision } = this.#tracks.get(key)!;
      if (isBack || (policiesBefore < revision && policies >= revision)) this.#options.enqueueAfter(key, this.#progressMs());
    }
  }

  /** Its Node is gone: what it counted stays, the place for it does not. */
  forget(node: string): void {
    this.#ledger.forget(node);
  }

  /** Something outside changed that all depend on: fleets, namespaces, nodes, which sensors are fresh. */
  lookAtAll(): void {
    for (const key of this.#tracks.keys()) this.#options.enqueueAfter(key, this.#progressMs() * (this.#unsettled.has(key) ? 1 : 3));
  }

  get figures(): { readonly policies: number; readonly unsettled: number; readonly counterPairs: number; readonly countersLeftOut: number; readonly incidentsDropped: number } {
    const { pairs, leftOut } = this.#ledger.figures;
    return { policies: this.#tracks.size, unsettled: this.#unsettled.size, counterPairs: pairs, countersLeftOut: leftOut, incidentsDropped: this.#incidents.dropped };
  }

  close(): void {
    this.#incidents.close();
  }

  async reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
    const { find, client, fieldManager, fleets, labelsOfNamespace, labelsOfNode, roster, nowMs, monotonicMs } = this.#options;
    const facts = find(key);
    if (facts === undefined || (this.#tracks.get(key)?.uid ?? facts.metadata.uid) !== facts.metadata.uid) this.#forget(key);
    if (facts === undefined) return undefined;
    const track = this.#trackOf(key, facts);
    const asOfMs = monotonicMs();
    // Our own last write is not shown yet: what is known of the status is old.
    if (revisionOf(facts.metadata.resourceVersion) < track.writtenRevision && asOfMs - track.writtenMs < SHOWN_WITHIN_MS) return PROGRESS_MS;
    if (asOfMs - this.#ledSinceMs >= SETTLE_MS) this.#ledger.settle();
    const { namespace } = facts.metadata;
    const tally = tallyOf(facts, track.revision, { roster, labelsOf: labelsOfNode }, asOfMs);
    const namespaceLabels = namespace === undefined ? undefined : (labelsOfNamespace(namespace) ?? {});
    const { stopped, ...counts } = tally;
    const { status, againMs, isUnsettled } = planPolicy({
      generation: track.generation,
      fault: facts.fault,
      notes: facts.notes,
      tally: counts,
      enforcing: enforcingOf({ mode: facts.mode, namespaceLabels, fleets: fleets(), stopped }),
      counters: this.#ledger.of(track.uid),
      status: facts.status,
      // The plan knows one clock: how long until counts are due, put on the wall.
      countsDueMs: nowMs() + (track.countsDueMs - asOfMs),
      seenMs: track.seenMs,
      ledSinceMs: nowMs() + (this.#ledSinceMs - asOfMs),
      answerSpreadMs: this.#options.answerSpreadMs(),
      nowMs: nowMs(),
    });
    if (isUnsettled) this.#unsettled.add(key);
    else this.#unsettled.delete(key);
    // That a sensor has loaded what it was started with is no news for a policy that is settled.
    const laterMs = tally.starting > 0 ? this.#intervalMs() : undefined;
    if (status === undefined) return againMs ?? laterMs;
    const waitMs = this.#pace.waitMs(key, roster.sensors.size, asOfMs);
    if (waitMs > 0) return waitMs;
    const written = await client
      .patchStatus<KubeObject>(RESOURCE_OF[facts.kind], facts.metadata, status, { current: facts, resourceVersion: facts.metadata.resourceVersion, fieldManager, signal })
      .catch(unlessGone);
    track.writtenRevision = revisionOf(written?.metadata.resourceVersion);
    track.writtenMs = monotonicMs();
    track.countsDueMs = asOfMs + this.#intervalMs();
    this.#tellStalled(facts, track, status);
    return laterMs;
  }

  #tellStalled({ apiVersion, kind, metadata }: PolicyFacts, track: Track, { conditions }: { conditions?: readonly { type: string; status: string; reason: string; message: string }[] | undefined }): void {
    const stalled = conditions?.find(({ type }) => type === "Stalled");
    const isStalled = stalled?.status === "True";
    if (isStalled && !track.wasStalled) {
      const { name, namespace, uid } = metadata;
      this.#options.recorder.record({ regarding: { apiVersion, kind, name, namespace, uid }, type: "Warning", reason: stalled.reason, action: "Load", note: stalled.message });
    }
    track.wasStalled = isStalled;
  }

  #trackOf(key: string, facts: PolicyFacts): Track {
    const uid = facts.metadata.uid!;
    const generation = facts.metadata.generation ?? 1;
    const revision = revisionOf(facts.metadata.resourceVersion);
    const known = this.#tracks.get(key);
    if (known !== undefined) {
      if (known.generation !== generation) Object.assign(known, { generation, revision, seenMs: this.#options.nowMs() });
      // The API server was restored from a backup: sensors load it with that version.
      else known.revision = Math.min(known.revision, revision);
      return known;
    }
    // Spread, so that a new leader does not write all counts at one time.
    const countsDueMs = this.#options.monotonicMs() + Math.random() * this.#intervalMs();
    const wasStalled = facts.status.conditions?.some(({ type, status }) => type === "Stalled" && status === "True") === true;
    const track: Track = { uid, generation, revision, seenMs: this.#options.nowMs(), countsDueMs, writtenRevision: 0, writtenMs: 0, wasStalled };
    this.#tracks.set(key, track);
    this.#unsettled.add(key);
    return track;
  }

  /** The longer sensors take to tell, the more of them are looked at together: each look costs as much as there are sensors. */
  #progressMs(): number {
    return Math.max(PROGRESS_MS, this.#options.answerSpreadMs() / 10);
  }

  #intervalMs(): number {
    return countsIntervalMs(this.#options.count(), this.#options.roster.sensors.size);
  }

  #forget(key: string): void {
    const track = this.#tracks.get(key);
    if (track === undefined) return;
    this.#tracks.delete(key);
    this.#unsettled.delete(key);
    this.#pace.forget(key);
  }

  /** It has counted since before this leader was, and was not heard when that was settled: what it tells now may be in the status. */
  #isLate({ firstSequence, firstReportMs }: Sensor, asOfMs: number): boolean {
    return firstSequence > 1 && firstReportMs - this.#ledSinceMs >= SETTLE_MS && asOfMs - firstReportMs < SETTLE_MS;
  }
}

/** Somebody deleted it: so be it. */
function unlessGone(error: unknown): undefined {
  if (KubeError.is(error, "NotFound")) return undefined;
  throw error;
}
