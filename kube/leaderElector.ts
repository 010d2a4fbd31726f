/** One leader among replicas, by a Lease and client-go's rules. */
import type { CallOptions } from "./calls.ts";
import type { KubeClient } from "./client.ts";
import { sleep } from "./clock.ts";
import { KubeError } from "./kubeError.ts";
import { type Log, silentLog } from "./log.ts";
import { isSame } from "./mergePatch.ts";
import { microTime } from "./microTime.ts";
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
  /** Another leads than before, or we do; "" nobody, for now. */
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

interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

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
  /** While we lead: when the last renewal that was granted was asked for. */
  #renewedAtMs: number | undefined;
  /** The Lease as it was last seen, and since when: the clocks of others are not believed. */
  #lease: Lease | undefined;
  #seenSinceMs = 0;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    if (this.#leaseDurationMs <= this.#renewDeadlineMs || this.#renewDeadlineMs <= this.#retryPeriodMs * JITTER) {
      const current = `${this.#leaseDurationMs}, ${this.#renewDeadlineMs}, ${this.#retryPeriodMs} ms`;
      throw new RangeError(`Cannot elect a leader, expected lease duration > renew deadline > ${JITTER} x retry period: current value is ${current}`);
    }
  }

  /** Also false when a renewal is overdue (the process slept): ask before each write. */
  get isLeader(): boolean {
    return this.#renewedAtMs !== undefined && this.#options.client.clock.monotonicMs() < this.#renewedAtMs + this.#renewDeadlineMs;
  }

  /** Who leads, as far as it is known; "" nobody or unknown. */
  get leader(): string {
    return this.#lease?.spec?.holderIdentity ?? "";
  }

  /** What the leader says of itself. */
  get leaderAnnotations(): Readonly<Record<string, string>> {
    return this.leader === "" ? {} : (this.#lease?.metadata.annotations ?? {});
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives the lease back where we hold it, so that the next leader need not wait for its end. Stop writing before. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { client, name, onStartedLeading, onStoppedLeading } = this.#options;
    const { signal } = this.#stop;
    let askedAtMs = client.clock.monotonicMs();
    while (!signal.aborted && !(await this.#tryOnce(this.#renewDeadlineMs))) {
      await sleep(client.clock, this.#retryPeriodMs * (1 + client.clock.random() * JITTER), signal);
      askedAtMs = client.clock.monotonicMs();
    }
    if (!signal.aborted) {
      this.#renewedAtMs = askedAtMs;
      this.#log.info({ lease: name }, "leading from now on");
      onStartedLeading();
      await this.#keep();
      this.#renewedAtMs = undefined;
      if (!signal.aborted) {
        this.#log.error({ lease: name }, "leadership is lost");
        onStoppedLeading();
        return;
      }
    }
    await this.#release();
  }

  /** Returns when no renewal was granted for the whole deadline, when another holds the lease, or when we are closed. */
  async #keep(): Promise<void> {
    const { clock } = this.#options.client;
    const { signal } = this.#stop;
    for (;;) {
      await sleep(clock, this.#retryPeriodMs, signal);
      const askedAtMs = clock.monotonicMs();
      const leftMs = this.#renewedAtMs! + this.#renewDeadlineMs - askedAtMs;
      if (signal.aborted || leftMs <= 0) return;
      if (await this.#tryOnce(leftMs)) this.#renewedAtMs = askedAtMs;
      else if (!this.#isHeld()) return;
    }
  }

  /** Takes or renews the lease, within `timeoutMs` for all that it asks. True: it is ours. */
  async #tryOnce(timeoutMs: number): Promise<boolean> {
    const { client, namespace, name } = this.#options;
    const endMs = client.clock.monotonicMs() + timeoutMs;
    const options = (): CallOptions => ({ signal: this.#stop.signal, timeoutMs: Math.max(1, endMs - client.clock.monotonicMs()) });
    try {
      if (this.#isHeld() && (await this.#renew(options()))) return true;
      const found = await client.find<Lease>(RESOURCES.leases, { namespace, name }, options());
      if (found === undefined) {
        const metadata = { name, namespace, annotations: { ...this.#options.annotations } };
        this.#see(await client.create<Lease>(RESOURCES.leases, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: this.#spec(undefined) }, options()));
        return true;
      }
      this.#see(found);
      if (!this.#isHeld() && !this.#isFree()) return false;
      this.#see(await this.#write(found, options()));
      return true;
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        const isRace = KubeError.is(error, "Conflict") || KubeError.is(error, "AlreadyExists");
        this.#log[isRace ? "debug" : "warn"]({ lease: name }, (error as Error).message);
      }
      return false;
    }
  }

  /** One request where nobody else wrote since; false: read it again first. */
  async #renew(options: CallOptions): Promise<boolean> {
    try {
      this.#see(await this.#write(this.#lease!, options));
      return true;
    } catch (error) {
      if (KubeError.is(error, "Conflict") || KubeError.is(error, "NotFound")) return false;
      throw error;
    }
  }

  /** Refused with Conflict where another write came between. */
  #write(lease: Lease, options: CallOptions): Promise<Lease> {
    const annotations = { ...lease.metadata.annotations, ...this.#options.annotations };
    return this.#options.client.replace<Lease>(RESOURCES.leases, { ...lease, metadata: { ...lease.metadata, annotations }, spec: this.#spec(lease.spec) }, options);
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
    const before = this.leader;
    if (!isSame(lease.spec, this.#lease?.spec)) this.#seenSinceMs = this.#options.client.clock.monotonicMs();
    this.#lease = lease;
    if (this.leader === before) return;
    this.#options.onNewLeader?.(this.leader, this.leaderAnnotations);
  }

  #isHeld(): boolean {
    return this.leader === this.#options.identity;
  }

  /** Nobody holds it, or whoever does has not renewed it for its whole duration under our eyes. */
  #isFree(): boolean {
    const durationMs = (this.#lease?.spec?.leaseDurationSeconds ?? 0) * 1_000 || this.#leaseDurationMs;
    return this.leader === "" || this.#options.client.clock.monotonicMs() >= this.#seenSinceMs + durationMs;
  }

  async #release(): Promise<void> {
    const { client, namespace, name, identity } = this.#options;
    const options = { timeoutMs: this.#retryPeriodMs };
    try {
      // Read anew: a request that took or renewed it may have been under way when we were closed.
      const lease = await client.find<Lease>(RESOURCES.leases, { namespace, name }, options);
      if (lease?.spec?.holderIdentity !== identity) return;
      const now = microTime(client.clock.wallMs());
      const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
      await client.replace<Lease>(RESOURCES.leases, { ...lease, spec }, options);
      this.#log.info({ lease: name }, "the lease is given back");
    } catch (error) {
      this.#log.warn({ lease: name }, (error as Error).message);
    }
  }
}
