/** Keeps the objects of one resource as the server has them, by list and watch, and tells each change. */
import { Backoff } from "./backoff.ts";
import type { KubeClient } from "./client.ts";
import { sleep } from "./clock.ts";
import { describe, watchCall } from "./exchange.ts";
import { KubeError } from "./kubeError.ts";
import { type Log, silentLog } from "./log.ts";
import { type KubeObject, keyOf } from "./object.ts";
import type { Resource } from "./resources.ts";
import { type Entry, type ReflectorEvent, Store } from "./store.ts";
import { watch } from "./watch.ts";

export type { ReflectorEvent } from "./store.ts";

export interface ReflectorOptions<T extends KubeObject = KubeObject> {
  client: KubeClient;
  resource: Resource;
  /** Absent: all namespaces. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** What to keep of an object (memory); undefined: nothing, as if the server had not named it. */
  transform?: ((raw: KubeObject) => T | undefined) | undefined;
  /** Called for each change in the server's order. Synchronous and short: put a key into a queue. What it throws is logged and counted. */
  onChange: (event: ReflectorEvent<T>) => void;
  /** Once, when the first list was told. */
  onSynced?: (() => void) | undefined;
  onState?: ((state: ReflectorState) => void) | undefined;
  log?: Log | undefined;
}

export interface ReflectorState {
  /** A watch is open, or was ended by the server in good order a moment ago. */
  readonly connected: boolean;
  /** Unix time in ms of the last byte from the server; 0: none yet. */
  readonly lastContactMs: number;
  /** Lists after the first. */
  readonly relists: number;
  /** Watches after the first. */
  readonly reconnects: number;
  /** What stands in the way now; its text names verb and resource. */
  readonly error?: KubeError | undefined;
}

/** A watch that lived as long has proved that all is well. */
const STABLE_MS = 30_000;
/** A relist heals what a watch might have lost unnoticed; it falls to the end of a watch. */
const RELIST_SHORTEST_MS = 600_000;
const RELIST_LONGEST_MS = 1_800_000;

export class Reflector<T extends KubeObject = KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #log: Log;
  readonly #store: Store<T>;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #state: ReflectorState = { connected: false, lastContactMs: 0, relists: 0, reconnects: 0 };
  #resourceVersion = "";
  #isSynced = false;
  #lists = 0;
  #watches = 0;
  #listedAtMs = -Infinity;
  #listAgainAtMs = 0;
  #openedAtMs: number | undefined;
  /** The next watch cannot go on from where the last one ended. */
  #mustList = true;
  /** The server has forgotten the version that we know: only its newest state will do. */
  #isExpired = false;
  /** A watch is open in which nothing was heard yet. */
  #isDeaf = false;
  /** The server was away and has told nothing since: it may have come back with another past. */
  #wasAway = false;

  constructor(options: ReflectorOptions<T>) {
    const { transform = (raw) => raw as T } = options;
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#backoff = new Backoff(options.client.clock);
    this.#store = new Store<T>({
      transform: (raw) => this.#guarded(() => transform(raw), "transform"),
      onChange: (event) => {
        if (!this.#stop.signal.aborted) this.#guarded(() => options.onChange(event), "onChange");
      },
    });
  }

  /** By `namespace/name`, or `name` for what has no namespace. Live: it changes with the events. */
  get objects(): ReadonlyMap<string, T> {
    return this.#store.objects;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Everything up to this version of the resource was told; bookmarks move it on also while nothing changes. */
  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** No event is told after it was called. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options.client;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#openedAtMs = undefined;
      this.#isDeaf = false;
      const wasExpired = this.#isExpired;
      let failure: KubeError | undefined;
      try {
        if (this.#mustList || clock.monotonicMs() >= this.#listAgainAtMs) await this.#list();
        if (!signal.aborted) await this.#watch();
      } catch (error) {
        failure = this.#asKubeError(error);
      }
      if (signal.aborted) break;
      const nowMs = clock.monotonicMs();
      const wasStable = this.#openedAtMs !== undefined && nowMs - this.#openedAtMs >= STABLE_MS;
      if (wasStable) this.#backoff.reset();
      if (failure !== undefined) this.#fail(failure);
      // At once only where that cannot repeat itself: after a long watch, or when the past is forgotten long after a list.
      const isAtOnce = failure === undefined ? wasStable : this.#isExpired && !wasExpired && nowMs - this.#listedAtMs >= STABLE_MS;
      if (!isAtOnce) await sleep(clock, this.#backoff.next(failure?.retryAfterMs), signal);
    }
    this.#setState({ connected: false });
  }

  async #list(): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector } = this.#options;
    const { signal } = this.#stop;
    // The server's cache will do at first, and later nothing older than what was told: time never goes backwards.
    const resourceVersion = this.#isExpired ? undefined : this.#resourceVersion === "" ? "0" : this.#resourceVersion;
    const next = new Map<string, Entry<T>>();
    let version = "";
    for await (const page of client.list(resource, { namespace, labelSelector, fieldSelector, resourceVersion, signal, timeoutMs: 60_000 })) {
      if (page.isRestart) next.clear();
      for (const raw of page.items) {
        const key = keyOf(raw);
        const entry = this.#store.entryOf(key, raw);
        if (entry !== undefined) next.set(key, entry);
      }
      version = page.resourceVersion;
    }
    if (signal.aborted) return;
    this.#store.replaceAll(next);
    this.#resourceVersion = version;
    this.#mustList = false;
    this.#isExpired = false;
    this.#wasAway = false;
    if (this.#lists++ > 0) client.counters.relists++;
    this.#listedAtMs = client.clock.monotonicMs();
    this.#listAgainAtMs = this.#listedAtMs + RELIST_SHORTEST_MS + client.clock.random() * (RELIST_LONGEST_MS - RELIST_SHORTEST_MS);
    // What stood in the way of this list does no more; whether a watch can be had, is not known yet.
    const { error } = this.#state;
    this.#setState({ relists: this.#lists - 1, lastContactMs: client.clock.wallMs(), error: error?.verb === "list" ? undefined : error });
    if (!this.#isSynced) {
      this.#isSynced = true;
      this.#guarded(() => this.#options.onSynced?.(), "onSynced");
    }
  }

  async #watch(): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector } = this.#options;
    const { signal } = this.#stop;
    await watch({
      client,
      resource,
      namespace,
      labelSelector,
      fieldSelector,
      resourceVersion: this.#resourceVersion,
      signal,
      onOpen: () => {
        this.#openedAtMs = client.clock.monotonicMs();
        this.#isDeaf = true;
        if (this.#watches++ > 0) client.counters.watchRestarts++;
        this.#setState({ connected: true, error: undefined, reconnects: this.#watches - 1, lastContactMs: client.clock.wallMs() });
      },
      onContact: () => {
        const nowMs = client.clock.wallMs();
        this.#isDeaf = false;
        this.#wasAway = false;
        client.counters.lastContactMs = nowMs;
        this.#state = { ...this.#state, lastContactMs: nowMs };
      },
      onObject: (type, object) => {
        if (signal.aborted) return;
        if (type === "DELETED") this.#store.remove(object);
        else this.#store.put(object);
      },
      onVersion: (version) => {
        if (!signal.aborted) this.#resourceVersion = version;
      },
    });
  }

  #fail(failure: KubeError): void {
    const isSilence = failure.reason === "Timeout" && this.#openedAtMs !== undefined;
    if (isExpired(failure)) {
      this.#mustList = true;
      this.#isExpired = true;
    } else if (failure.reason === "BadLine" || [400, 404, 422].includes(failure.status)) this.#mustList = true;
    // A server that was restored from a backup refuses no watch of a version that it has yet to come to: it is silent up
    // to there, and sends not even bookmarks, which one that was merely started anew does. A list it refuses.
    else if (!isSilence) this.#wasAway = true;
    else if (this.#wasAway && this.#isDeaf) this.#mustList = true;
    const isNews = this.#state.error?.message !== failure.message;
    this.#setState({ connected: false, error: failure });
    this.#log[isNews ? "warn" : "debug"]({ resource: this.#options.resource.plural, reason: failure.reason }, failure.message);
  }

  /** Anything but a KubeError is a mistake of ours: it is told as one, and does not stop the stream either. */
  #asKubeError(error: unknown): KubeError {
    if (error instanceof KubeError) return error;
    const { resource, namespace } = this.#options;
    return new KubeError({ ...describe(watchCall(resource, namespace)), status: 0, reason: "Unexpected", message: String(error), cause: error });
  }

  #setState(change: Partial<ReflectorState>): void {
    this.#state = { ...this.#state, ...change };
    this.#guarded(() => this.#options.onState?.(this.#state), "onState");
  }

  /** The caller's code: what it throws must not stop the stream of changes. */
  #guarded<R>(call: () => R, what: string): R | undefined {
    try {
      return call();
    } catch (error) {
      this.#options.client.counters.handlerErrors++;
      this.#log.error({ err: error, resource: this.#options.resource.plural }, `an exception in ${what} of the ${this.#options.resource.plural}, going on`);
      return undefined;
    }
  }
}

/** 410, or that the server has not come as far as we know (restored from a backup, another etcd): its own state counts. */
function isExpired({ status, reason, message }: KubeError): boolean {
  return status === 410 || reason === "Expired" || reason === "Gone" || /too large resource version/i.test(message);
}
