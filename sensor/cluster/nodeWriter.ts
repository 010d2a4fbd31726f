/** Writes the SensorNode: a heartbeat every 90 s, a change a minute after the last write at the earliest. */
import type { Condition, SensorNodeStatus } from "../../crds/mod.ts";
import { KubeError, RESOURCES } from "../../kube/mod.ts";
import type { KubeClient, KubeObject, Log } from "../../kube/mod.ts";

export const FIELD_MANAGER = "flowreset-sensor";
const HEARTBEAT_MS = 90_000;
const HEARTBEAT_JITTER = 0.1;
const SHORTEST_PAUSE_MS = 60_000;
/** Until the node's own object is known, whose uid the SensorNode is owned by. */
const WAIT_MS = 500;
const FIRST_RETRY_MS = 15_000;
const LONGEST_RETRY_MS = 120_000;

export interface NodeWriterOptions {
  readonly client: Pick<KubeClient, "apply" | "patchStatus">;
  readonly node: string;
  readonly fleet: string;
  /** Of the Node; "" while unknown. */
  readonly nodeUid: () => string;
  readonly status: (before: readonly Condition[]) => SensorNodeStatus;
  readonly log: Log;
  readonly onFault: (error: Error | undefined) => void;
  /** A number from 0 to 1. */
  readonly random?: () => number;
}

interface SensorNodeObject extends KubeObject {
  status?: SensorNodeStatus;
}

export class NodeWriter {
  /** Status writes that succeeded, so far. */
  writes = 0;
  readonly #options: NodeWriterOptions;
  readonly #ended = new AbortController();
  /** As the API server has it after our last write. */
  #current: SensorNodeObject | undefined;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Infinity;
  #writtenMs = -Infinity;
  #retryMs = 0;
  #isWriting = false;

  constructor(options: NodeWriterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#writeIn(0);
  }

  /** Something worth telling has changed. */
  poke(): void {
    if (this.#writtenMs === -Infinity || this.#isWriting) return;
    this.#writeIn(this.#writtenMs + SHORTEST_PAUSE_MS - performance.now());
  }

  close(): void {
    this.#ended.abort();
    clearTimeout(this.#timer);
  }

  /** Whatever comes first counts. */
  #writeIn(delayMs: number): void {
    const dueMs = performance.now() + Math.max(0, delayMs);
    if (dueMs >= this.#dueMs || this.#ended.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => void this.#write(), Math.max(0, delayMs));
    this.#timer.unref();
  }

  async #write(): Promise<void> {
    this.#dueMs = Infinity;
    if (this.#options.nodeUid() === "") return this.#writeIn(WAIT_MS);
    this.#isWriting = true;
    let fault: Error | undefined;
    try {
      await this.#attempt();
    } catch (error) {
      fault = error as Error;
    }
    this.#isWriting = false;
    if (this.#ended.signal.aborted) return;
    const { onFault, log, random = Math.random } = this.#options;
    onFault(fault);
    if (fault === undefined) {
      this.#retryMs = 0;
      this.#writtenMs = performance.now();
      return this.#writeIn(HEARTBEAT_MS * (1 + HEARTBEAT_JITTER * (2 * random() - 1)));
    }
    log[this.#retryMs === 0 ? "warn" : "debug"]({ err: fault }, "the SensorNode cannot be written, trying again");
    this.#retryMs = Math.min(LONGEST_RETRY_MS, Math.max(FIRST_RETRY_MS, this.#retryMs * 2));
    this.#writeIn(Math.max(this.#retryMs * (0.75 + 0.5 * random()), fault instanceof KubeError ? (fault.retryAfterMs ?? 0) : 0));
  }

  async #attempt(): Promise<void> {
    const { client, node, status } = this.#options;
    const { signal } = this.#ended;
    this.#current ??= await this.#create();
    const next = status(this.#current.status?.conditions ?? []);
    try {
      this.#current = await client.patchStatus<SensorNodeObject>(RESOURCES.sensorNodes, { name: node }, next, { current: this.#current, fieldManager: FIELD_MANAGER, signal });
    } catch (error) {
      // Deleted by somebody: the next try makes it anew.
      if (error instanceof KubeError && error.status === 404) this.#current = undefined;
      throw error;
    }
    this.writes++;
  }

  #create(): Promise<SensorNodeObject> {
    const { client, node, fleet, nodeUid } = this.#options;
    const ownerReferences = [{ apiVersion: "v1", kind: "Node", name: node, uid: nodeUid() }];
    const object: SensorNodeObject = { apiVersion: "flowreset.io/v1alpha1", kind: "SensorNode", metadata: { name: node, ownerReferences }, spec: { fleet } };
    return client.apply(RESOURCES.sensorNodes, object, { fieldManager: FIELD_MANAGER, signal: this.#ended.signal });
  }
}
