/**
 * Events (events.k8s.io/v1) on the objects that people look at. Whatever happens often becomes one Event with a
 * count, an object that speaks too much is not heard, and a server that is gone delays nobody.
 */
import type { KubeClient } from "./client.ts";
import { sleep } from "./clock.ts";
import { KubeError } from "./kubeError.ts";
import { type Log, silentLog } from "./log.ts";
import { microTime } from "./microTime.ts";
import type { KubeObject } from "./object.ts";
import { RESOURCES } from "./resources.ts";
import { TokenBuckets } from "./tokenBuckets.ts";

export interface EventDetails {
  /** What the event is about: `kubectl describe` shows it there. */
  regarding: EventObject;
  /** A second object, for what concerns two. */
  related?: EventObject | undefined;
  type: "Normal" | "Warning";
  /** UpperCamelCase, at most 128 characters. */
  reason: string;
  /** What was done: UpperCamelCase, at most 128 characters. */
  action: string;
  /** Longer than 1,024 bytes is cut. */
  note: string;
}

export interface EventObject {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string | undefined;
  uid?: string | undefined;
  resourceVersion?: string | undefined;
}

export interface EventRecorderOptions {
  client: KubeClient;
  /** `flowreset.io/operator`. */
  reportingController: string;
  /** The pod's name. */
  reportingInstance: string;
  log?: Log | undefined;
}

/** The same again within this time is one Event with a count, as in client-go. */
const SERIES_MS = 600_000;
/** A count that goes on growing is written this often. */
const SERIES_WRITE_MS = 60_000;
/** client-go's spam filter: each object may speak 25 times, and then once in 5 minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
/** Events that are remembered, to be counted on. */
const MAX_SERIES = 4_096;
/** Events that wait to be written. */
const MAX_WAITING = 1_000;
const MAX_ATTEMPTS = 4;
const FIRST_RETRY_MS = 1_000;
const MAX_NOTE_BYTES = 1_024;
const MAX_NAME_PREFIX = 200;

interface Series {
  readonly key: string;
  readonly event: EventDetails;
  readonly namespace: string;
  /** As it was first seen, Unix ms. */
  readonly firstMs: number;
  name: string;
  lastMs: number;
  count: number;
  /** What the server knows; 0: it has no such Event. */
  writtenCount: number;
  nextWriteMs: number;
  isWaiting: boolean;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #log: Log;
  readonly #buckets: TokenBuckets;
  readonly #stop = new AbortController();
  /** In the order of their last use. */
  readonly #series = new Map<string, Series>();
  readonly #waiting: Series[] = [];
  /** Of those that were sent last, or are. */
  #sending: Promise<void> | undefined;
  #isSending = false;
  #underWay: Series | undefined;
  #cancelFlush: (() => void) | undefined;
  #isClosing = false;
  #names = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#buckets = new TokenBuckets(options.client.clock, { burst: BURST, refillMs: REFILL_MS, limit: MAX_SERIES });
  }

  /** Never waits, never throws. */
  record(event: EventDetails): void {
    if (this.#isClosing) return;
    const { clock } = this.#options.client;
    const key = keyOfEvent(event);
    const known = this.#series.get(key);
    const nowMs = clock.wallMs();
    let series: Series;
    if (known !== undefined && Math.abs(nowMs - known.lastMs) < SERIES_MS) {
      series = known;
      series.count++;
      series.lastMs = nowMs;
    } else {
      if (!this.#buckets.take(keyOfObject(event.regarding))) {
        this.#options.client.counters.eventsDropped++;
        return;
      }
      const namespace = event.regarding.namespace ?? "default";
      series = { key, event, namespace, firstMs: nowMs, name: this.#newName(event, nowMs), lastMs: nowMs, count: 1, writtenCount: 0, nextWriteMs: -Infinity, isWaiting: false };
    }
    this.#remember(series);
    if (!series.isWaiting) this.#writeSoon(series);
  }

  /** Writes what waits and the counts that have grown, for at most `timeoutMs`; what is left is dropped and counted. */
  async close(timeoutMs = 2_000): Promise<void> {
    this.#isClosing = true;
    this.#flush();
    const cancel = this.#options.client.clock.timer(timeoutMs, () => this.#stop.abort());
    await this.#sending;
    cancel();
    this.#stop.abort();
    this.#options.client.counters.eventsDropped += this.#waiting.length;
    this.#waiting.length = 0;
  }

  /** Counts that have grown since they were written. */
  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    for (const series of this.#series.values()) if (!series.isWaiting && series !== this.#underWay && series.count > series.writtenCount) this.#enqueue(series);
  }

  #remember(series: Series): void {
    this.#series.delete(series.key);
    this.#series.set(series.key, series);
    if (this.#series.size <= MAX_SERIES) return;
    for (const oldest of this.#series.keys()) {
      this.#series.delete(oldest);
      return;
    }
  }

  /** At once, or with all others whose turn has not come. */
  #writeSoon(series: Series): void {
    const { clock } = this.#options.client;
    if (clock.monotonicMs() >= series.nextWriteMs) this.#enqueue(series);
    else this.#cancelFlush ??= clock.timer(SERIES_WRITE_MS, () => this.#flush());
  }

  #enqueue(series: Series): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#series.delete(series.key);
      this.#options.client.counters.eventsDropped++;
      return;
    }
    series.isWaiting = true;
    this.#waiting.push(series);
    if (this.#isSending) return;
    this.#isSending = true;
    this.#sending = this.#sendAll();
  }

  /** One at a time: Events must not crowd out what matters. */
  async #sendAll(): Promise<void> {
    const { client } = this.#options;
    while (!this.#stop.signal.aborted) {
      const series = this.#waiting.shift();
      if (series === undefined) break;
      series.isWaiting = false;
      if (client.clock.monotonicMs() < series.nextWriteMs && !this.#isClosing) {
        this.#writeSoon(series);
        continue;
      }
      series.nextWriteMs = client.clock.monotonicMs() + (series.writtenCount === 0 ? 0 : SERIES_WRITE_MS);
      this.#underWay = series;
      const isSent = await this.#send(series);
      this.#underWay = undefined;
      // What was counted meanwhile has no later turn.
      if (this.#isClosing && isSent && !series.isWaiting && series.count > series.writtenCount) this.#enqueue(series);
    }
    // Before anything else runs: whatever is put into the queue from now on begins anew.
    this.#isSending = false;
  }

  /** False where it is given up. */
  async #send(series: Series): Promise<boolean> {
    const { client } = this.#options;
    const { signal } = this.#stop;
    for (let attempt = 1; ; attempt++) {
      const { count } = series;
      try {
        if (series.writtenCount > 0) await this.#writeCount(series, signal);
        else await client.create(RESOURCES.events, this.#body(series), { signal });
        series.writtenCount = count;
        client.counters.eventsSent++;
        return true;
      } catch (error) {
        if (KubeError.is(error, "NotFound") && series.writtenCount > 0) {
          // The server keeps Events for an hour: the series goes on in a new one.
          series.writtenCount = 0;
          series.name = this.#newName(series.event, client.clock.wallMs());
          continue;
        }
        if (signal.aborted || attempt === MAX_ATTEMPTS || !isPassing(error)) {
          client.counters.eventsFailed++;
          series.nextWriteMs = client.clock.monotonicMs() + SERIES_WRITE_MS;
          this.#log.warn({ reason: series.event.reason }, (error as Error).message);
          return false;
        }
        const delayMs = Math.max(FIRST_RETRY_MS * 2 ** (attempt - 1), Math.min(60_000, (error as KubeError).retryAfterMs ?? 0));
        await sleep(client.clock, delayMs, signal);
      }
    }
  }

  async #writeCount({ namespace, name, count, lastMs }: Series, signal: AbortSignal): Promise<void> {
    await this.#options.client.patch(RESOURCES.events, { namespace, name }, { series: { count, lastObservedTime: microTime(lastMs) } }, { signal });
  }

  #body({ event, namespace, name, firstMs, lastMs, count }: Series): KubeObject {
    const { reportingController, reportingInstance } = this.#options;
    const { regarding, related, type, reason, action, note } = event;
    const body = {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name, namespace },
      eventTime: microTime(firstMs),
      reportingController,
      reportingInstance: reportingInstance.slice(0, 128),
      regarding,
      related,
      type,
      reason,
      action,
      note: cut(note),
      // A series begins with its second occurrence.
      series: count > 1 ? { count, lastObservedTime: microTime(lastMs) } : undefined,
    };
    return body;
  }

  #newName({ regarding }: EventDetails, nowMs: number): string {
    const serial = (this.#names++ % 0x1_00_00).toString(16);
    return `${regarding.name.slice(0, MAX_NAME_PREFIX).replace(/[^a-z0-9]+$/, "")}.${Math.floor(nowMs).toString(16)}${serial.padStart(4, "0")}`;
  }
}

function keyOfObject({ apiVersion, kind, namespace = "", name, uid = "" }: EventObject): string {
  return `${apiVersion} ${kind} ${namespace} ${name} ${uid}`;
}

function keyOfEvent({ regarding, related, type, reason, action }: EventDetails): string {
  return `${keyOfObject(regarding)} ${related === undefined ? "" : keyOfObject(related)} ${type} ${reason} ${action}`;
}

/** Another try may do. */
function isPassing(error: unknown): boolean {
  return error instanceof KubeError && (error.status === 0 || error.status === 429 || error.status >= 500);
}

function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= MAX_NOTE_BYTES) return note;
  // A character cut in two becomes U+FFFD, three bytes: taken off with the room for the dots.
  return `${bytes.toString("utf8", 0, MAX_NOTE_BYTES - 6).replace(/\uFFFD+$/, "")}...`;
}
