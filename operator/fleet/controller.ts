/** The SensorFleet controller: gathers, plans, applies, writes the status. */
import { KubeError, RESOURCES, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import type { NodeFacts } from "../nodes/mod.ts";
import { revisionOf, SHOWN_WITHIN_MS, type Roster } from "../roster/mod.ts";
import { coverageOf } from "./coverage.ts";
import { daemonSetName, daemonSetOf } from "./daemonSet.ts";
import { failedPods, type FailedPods } from "./failures.ts";
import type { DaemonSetFacts, FleetFacts } from "./facts.ts";
import { countsIntervalMs, planFleet, type Applied } from "./plan.ts";

export interface FleetControllerOptions {
  readonly client: KubeClient;
  readonly roster: Roster;
  readonly fieldManager: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly defaultImage: string;
  /** The name of the Secret with the key that sensors share. */
  readonly markKeySecret: string;
  /** The uid of that Secret; undefined: not known. */
  markKeyUid(): string | undefined;
  fleets(): ReadonlyMap<string, FleetFacts>;
  daemonSet(name: string): DaemonSetFacts | undefined;
  nodes(): Iterable<NodeFacts>;
  /** What the API server refuses to the operator or to sensors. */
  missingRights(): readonly string[];
  nowMs(): number;
  monotonicMs(): number;
}

interface Track {
  readonly uid: string;
  applied?: Applied;
  writtenRevision: number;
  writtenMs: number;
  pods: FailedPods;
  podsAtMs: number;
  obstacle?: string | undefined;
}

/** Pods are asked for no oftener than this, and only while some do not work: of thousands one never does. */
const PODS_MS = 10_000;
/** For each pod, which has about 8 KB. */
const POD_MS = 20;
const LOOK_AGAIN_MS = 60_000;
/** The watch shows our own write a moment later. */
const SHOWN_MS = 200;

export class FleetController {
  readonly #options: FleetControllerOptions;
  readonly #tracks = new Map<string, Track>();

  constructor(options: FleetControllerOptions) {
    this.#options = options;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<number | undefined> {
    const fleet = this.#options.fleets().get(name);
    if (fleet === undefined || fleet.metadata.deletionTimestamp !== undefined) {
      this.#tracks.delete(name); // Its DaemonSet goes with it: it is owned.
      return undefined;
    }
    const track = this.#trackOf(name, fleet);
    const sinceWrittenMs = this.#options.monotonicMs() - track.writtenMs;
    if (revisionOf(fleet.metadata.resourceVersion) < track.writtenRevision && sinceWrittenMs < SHOWN_WITHIN_MS) return SHOWN_MS;
    try {
      return await this.#bringAbout(fleet, track, signal);
    } catch (error) {
      // What is in the way is said in the status too, then it is tried again.
      if (!KubeError.is(error) || error.reason === "Conflict" || track.obstacle === error.message) throw error;
      track.obstacle = error.message;
      await this.#write(fleet, track, false, signal);
      throw error;
    }
  }

  async #bringAbout(fleet: FleetFacts, track: Track, signal: AbortSignal): Promise<number> {
    const { client, fieldManager, namespace, serviceAccount, defaultImage, markKeySecret, nowMs } = this.#options;
    const { name, uid, generation = 1 } = fleet.metadata;
    await this.#lookAtPods(fleet, track, signal);
    const { apply } = this.#plan(fleet, track);
    if (apply && fleet.spec !== undefined) {
      const markKeyUid = this.#markKeyUid(name);
      const desired = daemonSetOf({ name, uid: uid!, apiVersion: fleet.apiVersion }, fleet.spec, { namespace, serviceAccount, defaultImage, markKeySecret, markKeyUid });
      const written = await client.apply<KubeObject>(RESOURCES.daemonSets, desired, { fieldManager, signal });
      track.applied = { fleetGeneration: generation, daemonSetUid: written.metadata.uid, daemonSetGeneration: written.metadata.generation ?? 0, atMs: nowMs(), markKeyUid };
    }
    track.obstacle = undefined;
    const waitMs = await this.#write(fleet, track, true, signal);
    if (waitMs > 0) return waitMs;
    return this.#options.daemonSet(daemonSetName(name))?.unavailable ? this.#podsIntervalMs(name) : LOOK_AGAIN_MS;
  }

  /** @returns in how many ms its turn comes, where that is not now */
  async #write(fleet: FleetFacts, track: Track, isWell: boolean, signal: AbortSignal): Promise<number> {
    const { client, fieldManager, daemonSet, monotonicMs } = this.#options;
    const { status, isUrgent } = this.#plan(fleet, track);
    if (status === undefined) return 0;
    const waitMs = track.writtenMs + countsIntervalMs(daemonSet(daemonSetName(fleet.metadata.name))?.desired ?? 0) - monotonicMs();
    if (!isUrgent && waitMs > 0) return waitMs;
    try {
      const written = await client.patchStatus<KubeObject>(RESOURCES.sensorFleets, fleet.metadata, status, { current: fleet, resourceVersion: fleet.metadata.resourceVersion, fieldManager, signal });
      track.writtenRevision = revisionOf(written.metadata.resourceVersion);
      track.writtenMs = monotonicMs();
    } catch (error) {
      if (isWell && !KubeError.is(error, "NotFound")) throw error;
    }
    return 0;
  }

  #plan(fleet: FleetFacts, track: Track) {
    const { fleets, daemonSet, nodes, defaultImage, missingRights, nowMs } = this.#options;
    return planFleet({
      fleet,
      daemonSet: daemonSet(daemonSetName(fleet.metadata.name)),
      applied: track.applied,
      markKeyUid: this.#markKeyUid(fleet.metadata.name),
      hasImage: (fleet.spec?.image ?? defaultImage) !== "",
      coverage: coverageOf(fleet, fleets().values(), nodes()),
      stale: this.#staleOf(fleet.metadata.name),
      ...track.pods,
      missingRights: missingRights(),
      obstacle: track.obstacle,
      nowMs: nowMs(),
    });
  }

  /** Where it is not known, the one that the sensors were started with: nobody starts them anew for not knowing. */
  #markKeyUid(fleet: string): string | undefined {
    const { markKeyUid, daemonSet } = this.#options;
    return markKeyUid() ?? daemonSet(daemonSetName(fleet))?.markKeyUid;
  }

  async #lookAtPods(fleet: FleetFacts, track: Track, signal: AbortSignal): Promise<void> {
    const { client, namespace, daemonSet, monotonicMs } = this.#options;
    const { name } = fleet.metadata;
    if ((daemonSet(daemonSetName(name))?.unavailable ?? 0) === 0) {
      track.pods = { failed: 0, failures: [] };
    } else if (monotonicMs() - track.podsAtMs >= this.#podsIntervalMs(name)) {
      track.pods = await failedPods(client, namespace, name, signal);
      track.podsAtMs = monotonicMs();
    }
  }

  #podsIntervalMs(fleet: string): number {
    return Math.max(PODS_MS, (this.#options.daemonSet(daemonSetName(fleet))?.desired ?? 0) * POD_MS);
  }

  #staleOf(fleet: string): number {
    const { roster, monotonicMs } = this.#options;
    const asOfMs = monotonicMs();
    let stale = 0;
    for (const sensor of roster.sensors.values()) if (sensor.fleet === fleet && !roster.isFresh(sensor.node, asOfMs)) stale++;
    return stale;
  }

  #trackOf(name: string, fleet: FleetFacts): Track {
    let track = this.#tracks.get(name);
    if (track === undefined || track.uid !== fleet.metadata.uid) {
      track = { uid: fleet.metadata.uid!, writtenRevision: 0, writtenMs: -Infinity, pods: { failed: 0, failures: [] }, podsAtMs: -Infinity };
      this.#tracks.set(name, track);
    }
    return track;
  }
}
