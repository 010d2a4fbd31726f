/** One leader among replicas, by a Lease and client-go's rules. */
import type { KubeClient } from "./client.ts";
import { sleep } from "./clock.ts";
import { KubeError } from "./kubeError.ts";
import { type Log, silentLog } from "./log.ts";
import type { KubeObject } from "./object.ts";
import { RESOURCES } from "./resources.ts";

export interface LeaderElectorOptions {
  client: KubeClient;
  namespace: string;
  /** The Lease's name. */
  name: string;
  /** Who we are, different for every process: the pod's name and something random. */
  identity: string;
  /** Kept on the Lease while we lead: where the leader can be found. */
  annotations?: Readonly<Record<string, string>> | undefined;
  /** We lead from now on. */
  onStartedLeading: () => void;
  /** We lead no longer and another may at once: stop writing and end the process. Not called by close(). */
  onStoppedLeading: () => void;
  /** Somebody leads, us included. */
  onNewLeader?: ((identity: string, annotations: Readonly<Record<string, string>>) => void) | undefined;
  log?: Log | undefined;
  /** 15 s, 10 s and 2 s. */
  leaseDurationMs?: number | undefined;
  renewDeadlineMs?: number | undefined;
  retryPeriodMs?: number | undefined;
}

interface LeaseSpec {
  holderIdentity?: string | null;
  leaseDurationSeconds?: number;
  acquireTime?: string | null;
  renewTime?: string | null;
  leaseTransitions?: number;
}

type Lease = KubeObject & { spec?: LeaseSpec };

/** client-go's: waits differ by up to this much, so that candidates do not collide for ever. */
const JITTER = 1.2;

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #log: Log;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #isLeader = false;
  #leader = "";
  /** The Lease as it was last seen, and when it was first seen so: clocks of others are not believed. */
  #lease: Lease | undefined;
  #seenAtMs = 0;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  /** Who leads, as far as it is known; "" unknown. */
  get leader(): string {
    return this.#leader;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives the lease back, where we hold it: the next leader need not wait for its end. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options.client;
    const { signal } = this.#stop;
    while (!signal.aborted && !(await this.#tryOnce(this.#renewDeadlineMs))) {
      await sleep(clock, this.#retryPeriodMs * (1 + clock.random() * JITTER), signal);
    }
    if (!this.#isHeld()) return;
    if (!signal.aborted) {
      this.#isLeader = true;
      this.#options.onStartedLeading();
      await this.#keep();
      this.#isLeader = false;
      if (!signal.aborted) {
        this.#log.error({ lease: this.#options.name }, "leadership is lost");
        this.#options.onStoppedLeading();
        return;
      }
    }
    await this.#release();
  }

  /** Renews until that has failed for the whole renew deadline, another holds the lease, or we are closed. */
  async #keep(): Promise<void> {
    const { clock } = this.#options.client;
    const { signal } = this.#stop;
    let renewedAtMs = clock.monotonicMs();
    for (;;) {
      await sleep(clock, this.#retryPeriodMs, signal);
      if (signal.aborted) return;
      const startedMs = clock.monotonicMs();
      const leftMs = renewedAtMs + this.#renewDeadlineMs - startedMs;
      if (leftMs <= 0) return;
      if (await this.#tryOnce(leftMs)) renewedAtMs = startedMs;
    }
  }

  /** Takes or renews the lease. True: it is ours now. */
  async #tryOnce(timeoutMs: number): Promise<boolean> {
    const { client, namespace, name } = this.#options;
    const options = { signal: this.#stop.signal, timeoutMs };
    try {
      const found = await client.find<Lease>(RESOURCES.leases, { namespace, name }, options);
      if (found === undefined) {
        const made = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace, annotations: { ...this.#options.annotations } }, spec: this.#spec(undefined) };
        this.#see(await client.create<Lease>(RESOURCES.leases, made, options));
        return true;
      }
      this.#see(found);
      const holder = found.spec?.holderIdentity ?? "";
      const isOurs = holder === this.#options.identity;
      if (!isOurs && holder !== "" && client.clock.monotonicMs() < this.#seenAtMs + this.#leaseDurationMs) return false;
      const annotations = { ...found.metadata.annotations, ...this.#options.annotations };
      const next = { ...found, metadata: { ...found.metadata, annotations }, spec: this.#spec(found.spec) };
      this.#see(await client.replace<Lease>(RESOURCES.leases, next, options));
      return true;
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        const isRace = KubeError.is(error, "Conflict") || KubeError.is(error, "AlreadyExists");
        this.#log[isRace ? "debug" : "warn"]({ lease: name }, (error as Error).message);
      }
      return false;
    }
  }

  #spec(before: LeaseSpec | undefined): LeaseSpec {
    const { client, identity } = this.#options;
    const now = microTime(client.clock.wallMs());
    const isOurs = before?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1_000),
      acquireTime: isOurs ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (isOurs || before === undefined ? 0 : 1),
    };
  }

  #see(lease: Lease): void {
    if (lease.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion) {
      this.#lease = lease;
      this.#seenAtMs = this.#options.client.clock.monotonicMs();
    }
    const leader = lease.spec?.holderIdentity ?? "";
    if (leader === this.#leader) return;
    this.#leader = leader;
    if (leader !== "") this.#options.onNewLeader?.(leader, lease.metadata.annotations ?? {});
  }

  #isHeld(): boolean {
    return this.#lease?.spec?.holderIdentity === this.#options.identity;
  }

  async #release(): Promise<void> {
    const { client, identity } = this.#options;
    const lease = this.#lease;
    if (lease === undefined || lease.spec?.holderIdentity !== identity) return;
    const now = microTime(client.clock.wallMs());
    const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    await client.replace(RESOURCES.leases, { ...lease, spec }, { timeoutMs: this.#retryPeriodMs }).catch((error: Error) => {
      this.#log.warn({ lease: this.#options.name }, error.message);
    });
  }
}

/** metav1.MicroTime: six digits of a second, always. */
export function microTime(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/Z$/, "000Z");
}
