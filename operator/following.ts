/** The reflectors and queues of a leader, as one thing that starts, can be asked how it is, and ends. */
import { KubeError, Reflector, type KubeClient, type KubeObject, type ReflectorEvent, type ReflectorState, type Resource } from "../kube/mod.ts";
import type { Logger } from "./log.ts";
import { MissingRights } from "./missingRights.ts";
import { KeyedQueue, type QueueFigures } from "./queue/mod.ts";

export interface FollowOptions<T extends KubeObject> {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What is kept of an object. */
  transform(raw: KubeObject): T;
  onChange(event: ReflectorEvent<T>): void;
}

const WORKERS = 8;
/** By then the process has ended, or its lease is renewed after all. */
const NOT_LEADING_MS = 1_000;

export class Following {
  readonly missingRights = new MissingRights();
  readonly #client: KubeClient;
  readonly #log: Logger;
  readonly #isLeading: () => boolean;
  readonly #onSynced: () => void;
  readonly #reflectors = new Map<string, { readonly isSynced: boolean; readonly state: ReflectorState; start(): void; close(): Promise<void> }>();
  readonly #queues: KeyedQueue[] = [];
  #isSettled = false;

  /**
   * `isLeading`: asked before each look at a key. A process that slept has lost its lease, but does not know it yet.
   * `onSynced`: everything that is followed was told once, but for what the API server does not let us see.
   */
  constructor(client: KubeClient, log: Logger, isLeading: () => boolean, onSynced: () => void) {
    this.#client = client;
    this.#log = log;
    this.#isLeading = isLeading;
    this.#onSynced = onSynced;
  }

  follow<T extends KubeObject>(resource: Resource, options: FollowOptions<T>): Reflector<T> {
    const reflector = new Reflector<T>({
      client: this.#client,
      resource,
      log: this.#log,
      ...options,
      onSynced: () => this.#settle(),
      onState: ({ error }) => {
        this.missingRights.note(error, performance.now());
        if (error?.status === 403) this.#settle();
      },
    });
    this.#reflectors.set(`${resource.plural} ${this.#reflectors.size}`, reflector);
    return reflector;
  }

  queue(name: string, reconcile: (key: string, signal: AbortSignal) => Promise<number | undefined>, workers = WORKERS): KeyedQueue {
    const queue = new KeyedQueue({
      name,
      workers,
      reconcile: async (key, signal) => (this.#isLeading() ? reconcile(key, signal) : NOT_LEADING_MS),
      restOf: (error) => (KubeError.is(error) ? error.retryAfterMs : undefined),
      onError: (key, error, restMs) => this.#tell(name, key, error, restMs),
    });
    this.#queues.push(queue);
    return queue;
  }

  start(): void {
    for (const reflector of this.#reflectors.values()) reflector.start();
  }

  /** What must still be read before the work begins; undefined: nothing. A right that is missing stops nothing else. */
  trouble(): string | undefined {
    for (const { isSynced, state } of this.#reflectors.values()) {
      if (!isSynced && state.error?.status !== 403) return state.error?.message ?? "still reading the cluster's objects";
    }
    return undefined;
  }

  get queues(): readonly QueueFigures[] {
    return this.#queues.map(({ figures }) => figures);
  }

  /** Of each resource that is followed. */
  get watches(): readonly { readonly resource: string; readonly state: ReflectorState }[] {
    return [...this.#reflectors].map(([name, { state }]) => ({ resource: name.split(" ")[0]!, state }));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.close()));
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }

  #settle(): void {
    if (this.#isSettled || this.trouble() !== undefined) return;
    this.#isSettled = true;
    this.#onSynced();
  }

  #tell(queue: string, key: string, error: unknown, restMs: number): void {
    this.missingRights.note(error, performance.now());
    // Somebody else wrote first: that is how it should be, and the next look knows better.
    const isRace = KubeError.is(error, "Conflict");
    this.#log[isRace ? "debug" : "warn"]({ queue, key, restMs: Math.round(restMs), err: error as Error }, "trying again later");
  }
}
