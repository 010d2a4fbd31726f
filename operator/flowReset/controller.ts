/** The FlowReset controller: gathers, plans, writes. Level-triggered: a key says which object to look at, nothing else. */
import type { FlowResetStatus } from "../../crds/mod.ts";
import type { Report, ResetReport } from "../../crds/stream/mod.ts";
import { KubeError, kindedKeyOf, RESOURCES, type EventRecorder, type KubeClient, type KubeObject, type Resource } from "../../kube/mod.ts";
import { revisionOf, SHOWN_WITHIN_MS, type Roster } from "../roster/mod.ts";
import { Asking } from "./asking.ts";
import { earlierOf, type Earlier } from "./earlier.ts";
import { recordEnding } from "./events.ts";
import { flowResetFacts, isFinished, type FlowResetFacts } from "./facts.ts";
import { joinResults, type Joined, type NodeResult } from "./join.ts";
import { AMEND_MS } from "./limits.ts";
import { planFlowReset } from "./plan.ts";
import { whereaboutsOf, type Places } from "./resolve.ts";
import { ResultBook } from "./results.ts";

export interface FlowResetControllerOptions {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly roster: Roster;
  readonly fieldManager: string;
  /** Nodes that have the address themselves. */
  readonly nodesOfAddress: Places["nodesOfAddress"];
  /** Over how long all sensors together answer. */
  answerSpreadMs(): number;
  /** A FlowReset of either kind as its reflector has it. */
  find(key: string): FlowResetFacts | undefined;
  /** Something went wrong that the work does without. */
  onObstacle(error: KubeError): void;
  /** Looks at a key again, now. */
  enqueue(key: string): void;
  /** Wall clock, in ms. */
  nowMs(): number;
  /** For freshness: monotonic. */
  monotonicMs(): number;
}

/** What is remembered of an object that runs, beside the object itself. */
interface Track {
  readonly uid: string;
  readonly seenMs: number;
  /** What another leader wrote before. */
  readonly earlier: Earlier | undefined;
  asking: Asking | undefined;
  writtenMs: number;
  /** What was written last, until the reflector shows it. */
  status: FlowResetStatus | undefined;
  resourceVersion: string;
}

/** A question that is refused again however often it is put: no right to it, or a selector that the API server does not take. */
const NEVER_ANSWERED: ReadonlySet<number> = new Set([400, 403, 413, 414, 422]);

const RESOURCE_OF: Readonly<Record<FlowResetFacts["kind"], Resource>> = { FlowReset: RESOURCES.flowResets, ClusterFlowReset: RESOURCES.clusterFlowResets };

export class FlowResetController {
  readonly #options: FlowResetControllerOptions;
  readonly #book = new ResultBook();
  readonly #tracks = new Map<string, Track>();
  readonly #keyByUid = new Map<string, string>();
  readonly #ledSinceMs: number;

  constructor(options: FlowResetControllerOptions) {
    this.#options = options;
    this.#ledSinceMs = options.nowMs();
  }

  /** A report of a sensor that the roster has taken over. */
  hear({ node, session, sequence, resets }: Report, isNewSession: boolean): void {
    if (isNewSession) this.#book.forgetSession(node);
    for (const reset of resets) this.#takeResult(node, session, sequence, reset);
    this.observe(node, this.#options.roster.sensors.get(node)?.flowResets ?? 0);
  }

  /** A sensor has looked at everything up to this version. */
  observe(node: string, flowResets: number): void {
    for (const [key, { asking }] of this.#tracks) if (asking?.hear(node, flowResets) === true) this.#options.enqueue(key);
  }

  /** Results that a SensorNode holds, because nobody took them when they came. */
  takeUnreported(node: string, session: string, results: readonly ResetReport[]): void {
    // Its sensor posts them as well, and is answered there: here nothing waits for an acknowledgement.
    for (const reset of results) this.#takeResult(node, session, Number.MAX_SAFE_INTEGER, reset);
  }

  /** Up to which report the sensor need keep nothing. */
  acknowledged(node: string, sequence: number): number {
    return this.#book.acknowledged(node, sequence);
  }

  /** Now and then: objects whose time to live is over, and results of objects that never appeared. */
  sweep(finished: Iterable<FlowResetFacts>): void {
    const nowMs = this.#options.nowMs();
    this.#book.sweep(nowMs);
    for (const facts of finished) if (isFinished(facts.phase) && nowMs >= goneMs(facts)) this.#options.enqueue(kindedKeyOf(facts));
  }

  get figures(): { readonly running: number; readonly booked: number; readonly resultsDropped: number } {
    const { resets, dropped } = this.#book.figures;
    return { running: this.#tracks.size, booked: resets, resultsDropped: dropped };
  }

  async reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
    const facts = this.#options.find(key);
    const track = this.#tracks.get(key);
    if (facts === undefined || facts.metadata.deletionTimestamp !== undefined || (track !== undefined && track.uid !== facts.metadata.uid)) {
      this.#forget(key);
      if (facts === undefined || facts.metadata.deletionTimestamp !== undefined) return undefined;
    }
    return isFinished(facts.phase) ? this.#afterlife(key, facts, signal) : this.#live(key, facts, signal);
  }

  async #live(key: string, facts: FlowResetFacts, signal: AbortSignal): Promise<number | undefined> {
    const track = this.#trackOf(key, facts);
    if (track.status?.completionTime !== undefined) return undefined; // The reflector has not shown our own ending yet.
    if (facts.spec !== undefined && facts.fault === undefined) track.asking ??= await this.#ask(facts, signal);
    const results = this.#book.of(track.uid);
    const { status, againMs } = this.#plan(facts, track, results);
    if (status === undefined) return againMs;
    await this.#write(facts, track, status, results, signal);
    return againMs;
  }

  #plan(facts: FlowResetFacts, track: Track, results: readonly NodeResult[]) {
    const { roster, nowMs, monotonicMs } = this.#options;
    const asOfMs = monotonicMs();
    for (const { node } of results) track.asking?.hearResult(node);
    const answers = track.asking?.answers((node) => roster.isFresh(node, asOfMs)) ?? { asked: 0, answered: 0, waitingFor: [], unwatched: [] };
    return planFlowReset({
      generation: facts.metadata.generation ?? 1,
      createdMs: Date.parse(facts.metadata.creationTimestamp ?? "") || track.seenMs,
      spec: facts.spec,
      fault: facts.fault,
      status: track.status ?? facts.status ?? {},
      results,
      joined: this.#joined(track, results),
      answers,
      answerSpreadMs: this.#options.answerSpreadMs(),
      seenMs: track.seenMs,
      ledSinceMs: this.#ledSinceMs,
      writtenMs: track.writtenMs,
      nowMs: nowMs(),
    });
  }

  #joined({ earlier }: Track, results: readonly NodeResult[]): Joined {
    return joinResults(results, earlier);
  }

  async #write(facts: FlowResetFacts, track: Track, status: FlowResetStatus, results: readonly NodeResult[], signal: AbortSignal): Promise<void> {
    const { client, fieldManager, nowMs, recorder } = this.#options;
    const current = { ...facts, status: track.status ?? facts.status ?? {} } as KubeObject;
    // Refused where another leader wrote meanwhile: its word is read first then.
    const resourceVersion = track.status === undefined ? facts.metadata.resourceVersion : track.resourceVersion;
    const written = await client.patchStatus<KubeObject>(RESOURCE_OF[facts.kind], facts.metadata, status, { current, resourceVersion, fieldManager, signal }).catch(unlessGone);
    if (written === undefined) return;
    track.status = status;
    track.resourceVersion = written.metadata.resourceVersion ?? "";
    track.writtenMs = nowMs();
    // That a sensor refuses is in no status before the end.
    this.#book.written(track.uid, status.completionTime === undefined ? results.filter(({ phase }) => phase !== "Failed") : results);
    if (status.completionTime !== undefined) void recordEnding(client, recorder, facts, status, results, signal);
  }

  /** Over: late results amend it for a while, then its time to live takes it away. */
  async #afterlife(key: string, facts: FlowResetFacts, signal: AbortSignal): Promise<number | undefined> {
    const { client, nowMs } = this.#options;
    if (nowMs() >= goneMs(facts)) {
      await client.delete(RESOURCE_OF[facts.kind], facts.metadata, { preconditions: { uid: facts.metadata.uid! }, propagationPolicy: "Background", signal }).catch(unlessGone);
      return undefined;
    }
    const leftMs = facts.completedMs + AMEND_MS - nowMs();
    if (leftMs <= 0) {
      this.#forget(key);
      return undefined;
    }
    const track = this.#trackOf(key, facts);
    track.asking = undefined;
    const results = this.#book.of(track.uid);
    if (this.#book.hasUnwritten(track.uid)) await this.#amend(key, facts, results, signal);
    this.#book.written(track.uid, results);
    return leftMs;
  }

  /** The reflector has let go of the whole object: it is fetched once more. */
  async #amend(key: string, facts: FlowResetFacts, results: readonly NodeResult[], signal: AbortSignal): Promise<void> {
    const raw = await this.#options.client.find(RESOURCE_OF[facts.kind], facts.metadata, { signal });
    if (raw === undefined || raw.metadata.uid !== facts.metadata.uid) return;
    const status = (raw.status ?? {}) as FlowResetStatus;
    const whole = flowResetFacts({ ...raw, status: { ...status, phase: "Active" } });
    const track = this.#trackOf(key, whole);
    // What an earlier leader knew of one that was over cannot be joined any more: a status that says more than the book does stays.
    if ((status.summary?.matched ?? 0) > this.#joined(track, results).counts.matched) return;
    track.status = undefined;
    const { status: amended } = this.#plan(whole, track, results);
    if (amended?.completionTime === undefined) return;
    await this.#write({ ...whole, status }, track, { ...amended, ...(status.sensors !== undefined && { sensors: status.sensors }) }, results, signal);
  }

  async #ask(facts: FlowResetFacts, signal: AbortSignal): Promise<Asking> {
    const { roster, monotonicMs, nodesOfAddress, client, onObstacle } = this.#options;
    const whereabouts = await whereaboutsOf(facts.spec!, facts.metadata.namespace, { client, nodesOfAddress }, signal).catch((error: unknown) => {
      if (!KubeError.is(error) || !NEVER_ANSWERED.has(error.status)) throw error;
      onObstacle(error);
      return "all" as const; // Sensors act all the same; it takes longer to know that nothing matched.
    });
    const asOfMs = monotonicMs();
    return new Asking(revisionOf(facts.metadata.resourceVersion), whereabouts, roster.sensors, (node) => roster.isFresh(node, asOfMs));
  }

  #trackOf(key: string, facts: FlowResetFacts): Track {
    let track = this.#tracks.get(key);
    if (track === undefined) {
      track = { uid: facts.metadata.uid!, seenMs: this.#options.nowMs(), earlier: earlierOf(facts.status ?? {}), asking: undefined, writtenMs: 0, status: undefined, resourceVersion: "" };
      this.#tracks.set(key, track);
      this.#keyByUid.set(track.uid, key);
    }
    this.#book.know(track.uid);
    const isShown = revisionOf(facts.metadata.resourceVersion) >= revisionOf(track.resourceVersion);
    if (isShown || this.#options.nowMs() - track.writtenMs > SHOWN_WITHIN_MS) track.status = undefined;
    return track;
  }

  #takeResult(node: string, session: string, sequence: number, reset: ResetReport): void {
    const isNew = this.#book.take(node, session, sequence, reset, this.#options.nowMs());
    const key = this.#keyByUid.get(reset.uid);
    if (isNew && key !== undefined) this.#options.enqueue(key);
  }

  #forget(key: string): void {
    const track = this.#tracks.get(key);
    if (track === undefined) return;
    this.#tracks.delete(key);
    this.#keyByUid.delete(track.uid);
    this.#book.forget(track.uid);
  }
}

/** Somebody deleted it: so be it. */
function unlessGone(error: unknown): undefined {
  if (KubeError.is(error, "NotFound")) return undefined;
  throw error;
}

function goneMs({ completedMs, ttlSeconds }: FlowResetFacts): number {
  return completedMs + ttlSeconds * 1_000;
}
