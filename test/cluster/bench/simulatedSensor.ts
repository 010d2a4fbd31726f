/**
 * A sensor without packets: it watches, reports, writes its SensorNode and finds the connections of FlowResets as a
 * real one does, with a token of its own, but what it finds is made up.
 */
import type { Report, ResetReport } from "../../../crds/stream/mod.ts";
import { AnswerTurn } from "../../../sensor/cluster/mod.ts";
import { FLEET, nodeOfPodAddress } from "./names.ts";
import { ReportConnection } from "./reportConnection.ts";
import type { StreamAddress } from "./reportConnection.ts";
import type { WatchedEvent, WatchedObject } from "./watchPool.ts";

export const HEARTBEAT_MS = 90_000;
/** Of 1: how much earlier or later than that. */
const JITTER = 0.1;
/** What is urgent waits so long for more of it. */
const URGENT_MS = 50;
/** A sensor waits for more changes, compiles, and reports. */
const COMPILED_MS = 300;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
const VERSION = "0.1.0";

/** What all sensors of a measurement have in common. */
export interface SensorSurroundings {
  readonly figures: SensorFigures;
  /** Merges into the status of a SensorNode. */
  readonly writeStatus: (node: string, token: string, status: object) => Promise<void>;
  readonly nowMs: () => number;
}

export class SensorFigures {
  posts = 0;
  postedBytes = 0;
  /** Answers that were no 200, by status; "none" where no answer came. */
  readonly refused = new Map<string, number>();
  postMs: number[] = [];
  heartbeats = 0;
  heartbeatFailures = 0;
  results = 0;
  /** What the operator asked for last. */
  nextReportMs = 0;

  refuse(what: string): void {
    this.refused.set(what, (this.refused.get(what) ?? 0) + 1);
  }
}

export class SimulatedSensor {
  readonly index: number;
  readonly node: string;
  readonly token: string;
  /** The operator that runs now has taken a report of it. */
  isHeard = false;
  readonly #surroundings: SensorSurroundings;
  readonly #session: string;
  readonly #observed = { policies: "", flowResets: "", fleet: "" };
  #sequence = 0;
  #resets: ResetReport[] = [];
  readonly #turn = new AnswerTurn({ answer: () => this.#reportSoon(), spreadMs: () => this.#spreadMs, nowMs: () => performance.now(), lastReportMs: () => this.#lastReportMs });
  #spreadMs = 0;
  #backoffMs = 0;
  #lastReportMs = -Infinity;
  #connection: ReportConnection | undefined;
  #reportTimer: NodeJS.Timeout | undefined;
  #heartbeatTimer: NodeJS.Timeout | undefined;
  #dueMs = Infinity;
  #notBeforeMs = 0;
  #isPosting = false;
  #isUrgent = false;
  #isClosed = false;

  constructor(index: number, node: string, token: string, surroundings: SensorSurroundings) {
    this.index = index;
    this.node = node;
    this.token = token;
    this.#surroundings = surroundings;
    this.#session = `${index.toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
  }

  /** It has taken over everything up to this version of the watch. */
  observe(watch: "policies" | "flowResets" | "fleet", resourceVersion: string): void {
    this.#observed[watch] = resourceVersion;
  }

  /** Another generation of a policy: it is compiled, and the operator hears so at once. */
  onPolicyChange(): void {
    this.#isUrgent = true;
    this.#reportIn(COMPILED_MS + Math.random() * this.#spreadMs);
  }

  /** An unfinished FlowReset as a watch told it. */
  onFlowReset({ type, object }: WatchedEvent): void {
    this.observe("flowResets", object.metadata.resourceVersion);
    if (type === "DELETED") this.#turn.onClosed(object.metadata.uid);
    if (type !== "ADDED") return;
    const { client, server } = object.spec.match;
    if (nodeOf(client) === this.index) this.#find(object, "first");
    else if (nodeOf(server) === this.index) this.#find(object, "second");
    else this.#turn.onOpen(object.metadata.uid, true);
  }

  /** The connection is there, is cut and is proved dead. */
  #find(object: WatchedObject, actor: "first" | "second"): void {
    const { kind, metadata, spec } = object;
    const nowMs = this.#surroundings.nowMs();
    const { client, server } = spec.match;
    this.#resets.push({
      kind: kind as ResetReport["kind"],
      namespace: metadata.namespace ?? "",
      name: metadata.name,
      uid: metadata.uid,
      phase: "Done",
      matched: 1,
      flows: [
        {
          // The same for both ends' sensors.
          connection: `${Number.parseInt(metadata.uid.slice(0, 7), 16)} ${Number.parseInt(metadata.uid.slice(9, 13), 16)}`,
          client: `${client.ip}:${client.port ?? 40_000}`,
          server: `${server?.ip ?? "203.0.113.9"}:${server?.port ?? 443}`,
          outcome: "Confirmed",
          reason: "BothEndsDead",
          rsts: actor === "first" ? 2 : 0,
          latencyMicroseconds: actor === "first" ? 300 : 0,
          actor,
        },
      ],
      startedAt: rfc3339(nowMs),
      finishedAt: rfc3339(nowMs),
    });
    this.#surroundings.figures.results++;
    this.#reportSoon();
  }

  /** Reports from now on, the first time within `spreadMs`: as sensors that have lost their operator come to the next. */
  startReporting(address: StreamAddress, spreadMs: number): void {
    this.#connection = new ReportConnection(address, this.token, `127.1.${this.index >> 8}.${this.index & 0xff}`);
    this.isHeard = false;
    this.#backoffMs = this.#notBeforeMs = 0;
    this.#reportIn(Math.random() * spreadMs);
  }

  /** Writes its SensorNode every 90 seconds. */
  startHeartbeats(): void {
    this.#heartbeatTimer = setTimeout(() => void this.#beat(), Math.random() * HEARTBEAT_MS);
  }

  /** The operator has gone, as it does when it is restarted for the next measurement. */
  async stopReporting(): Promise<void> {
    clearTimeout(this.#reportTimer);
    this.#dueMs = Infinity;
    await this.#connection?.close();
    this.#connection = undefined;
  }

  /** Also where a report is under way, which does not say it yet. */
  #reportSoon(): void {
    this.#isUrgent = true;
    this.#reportIn(URGENT_MS);
  }

  /** What is due sooner stays so; who was refused comes no sooner than it has to. */
  #reportIn(ms: number): void {
    const nowMs = performance.now();
    const dueMs = Math.max(nowMs + ms, this.#notBeforeMs);
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#reportTimer);
    this.#dueMs = dueMs;
    this.#reportTimer = setTimeout(() => void this.#report(), dueMs - nowMs);
  }

  async #report(): Promise<void> {
    this.#dueMs = Infinity;
    const { figures } = this.#surroundings;
    const connection = this.#connection;
    if (connection === undefined || this.#isPosting) return;
    this.#isPosting = true;
    this.#isUrgent = false;
    const told = this.#resets.slice(0, 256);
    const startMs = performance.now();
    // As a real one: longer each time that it finds no place.
    let pauseMs = (this.#backoffMs = Math.min(LONGEST_BACKOFF_MS, Math.max(FIRST_BACKOFF_MS, this.#backoffMs * 2))) * (0.75 + 0.5 * Math.random());
    try {
      figures.posts++;
      const answer = await connection.post(this.#reportNow(told));
      if ("reply" in answer) {
        figures.postMs.push(performance.now() - startMs);
        this.isHeard = true;
        this.#backoffMs = 0;
        figures.nextReportMs = answer.reply.nextReportMs;
        this.#spreadMs = answer.reply.answerSpreadMs;
        this.#lastReportMs = startMs;
        if (answer.reply.acknowledged >= this.#sequence) this.#resets = this.#resets.filter((reset) => !told.includes(reset));
        pauseMs = answer.reply.nextReportMs * (1 + JITTER * (Math.random() - 0.5));
      } else {
        figures.refuse(String(answer.status));
        pauseMs = Math.max(pauseMs, answer.retryAfterMs * (1 + Math.random()));
      }
    } catch (error) {
      if (this.#connection === connection) figures.refuse((error as NodeJS.ErrnoException).code ?? (error as Error).message);
    }
    this.#isPosting = false;
    if (this.#connection !== connection) return;
    if (this.#backoffMs > 0) this.#notBeforeMs = performance.now() + pauseMs;
    this.#reportIn(this.#isUrgent ? URGENT_MS : pauseMs);
  }

  #reportNow(resets: ResetReport[]): Report {
    return {
      node: this.node,
      fleet: FLEET,
      session: this.#session,
      sequence: ++this.#sequence,
      version: VERSION,
      observed: { ...this.#observed },
      counters: [],
      resets,
      incidents: [],
      health: { enforcement: "Enabled", captureLossPackets: 0, coverage: { interfaces: 12, halfBlind: 0, pods: 10, podsUnseen: 0 }, apiServer: "Connected" },
    };
  }

  /** What its SensorNode says now. */
  status(): object {
    const time = rfc3339(this.#surroundings.nowMs());
    const since = `${time.slice(0, 11)}00:00:00Z`;
    const condition = (type: string) => ({ type, status: "True", reason: "AsExpected", message: "", lastTransitionTime: since });
    return {
      heartbeatTime: time,
      version: VERSION,
      session: this.#session,
      conditions: ["Ready", "Coverage", "PolicyFresh", "ApiServerReachable"].map(condition),
      observed: { ...this.#observed },
      policies: { loaded: 1_000, failed: 0 },
      capture: { packets: Math.round(this.#surroundings.nowMs()), lost: 0, interfaces: 12, halfBlind: 0, pods: 10, podsUnseen: 0 },
      enforcement: "Enabled",
    };
  }

  async #beat(): Promise<void> {
    const { figures, writeStatus } = this.#surroundings;
    try {
      await writeStatus(this.node, this.token, this.status());
      figures.heartbeats++;
    } catch {
      figures.heartbeatFailures++;
    }
    if (!this.#isClosed) this.#heartbeatTimer = setTimeout(() => void this.#beat(), HEARTBEAT_MS * (1 + 2 * JITTER * (Math.random() - 0.5)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#turn.close();
    clearTimeout(this.#heartbeatTimer);
    await this.stopReporting();
  }
}

function nodeOf(endpoint: { readonly ip?: string } | undefined): number | undefined {
  return endpoint?.ip === undefined ? undefined : nodeOfPodAddress(endpoint.ip);
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
