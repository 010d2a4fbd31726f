/**
 * Events of what policies did: on the policy, and on the pod whose connection it was. A storm of resets on hundreds of
 * nodes must not keep the API server from what people wait for, so pods are asked for by few at a time.
 */
import type { IncidentReport } from "../../crds/stream/mod.ts";
import { API_VERSION } from "../../crds/mod.ts";
import { kindedKeyOf, RESOURCES, type EventDetails, type EventRecorder, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import { MAX_INCIDENTS, MAX_INCIDENTS_WAITING, MAX_POD_LOOKUPS, MAX_PODS_KNOWN } from "./limits.ts";

type Pod = KubeObject & { readonly spec?: { readonly nodeName?: string } };
type IncidentPod = NonNullable<IncidentReport["pod"]>;

/** Outcomes at which a connection was cut: people look for these. */
const CUT = new Set(["Confirmed", "Unconfirmed", "Evaded", "Reset"]);

export interface IncidentRecorderOptions {
  readonly client: Pick<KubeClient, "find">;
  readonly recorder: Pick<EventRecorder, "record">;
  /** Kind and name of the policy with that uid, if there is one. */
  keyOf(uid: string): string | undefined;
}

interface PodEvent {
  readonly node: string;
  readonly pod: IncidentPod;
  readonly event: EventDetails;
}

/** A node speaks only of policies that there are, by their own names, and of its own pods. */
export class IncidentRecorder {
  /** Events of pods that were left out, because too many waited. */
  dropped = 0;
  readonly #options: IncidentRecorderOptions;
  readonly #waiting: PodEvent[] = [];
  /** Where pods run that were asked for (it never changes), in the order in which they came. */
  readonly #nodeOf = new Map<string, string>();
  readonly #ending = new AbortController();
  #lookups = 0;

  constructor(options: IncidentRecorderOptions) {
    this.#options = options;
  }

  /** Never waits, never throws. */
  take(node: string, incidents: readonly IncidentReport[]): void {
    if (this.#ending.signal.aborted) return;
    for (const incident of incidents.slice(0, MAX_INCIDENTS)) if (this.#options.keyOf(incident.uid) === kindedKeyOf({ kind: incident.kind, metadata: incident })) this.#record(node, incident);
  }

  close(): void {
    this.#ending.abort();
    this.#waiting.length = 0;
  }

  #record(node: string, { uid, kind, namespace, name, rule, pod, client, server, outcome, reason, count }: IncidentReport): void {
    const isCut = CUT.has(outcome);
    const policy = { apiVersion: API_VERSION, kind, name, uid, ...(namespace !== "" && { namespace }) };
    const times = count === 1 ? "" : ` (${count} times)`;
    const words = `${client} to ${server}: ${outcome}${reason === "" ? "" : `, ${reason}`}${times}`;
    const event = { type: "Warning", reason: isCut ? "ConnectionReset" : "Detected", action: isCut ? "Reset" : "Detect" } as const;
    this.#options.recorder.record({ ...event, regarding: policy, note: `rule ${rule} on ${node}: ${words}` });
    if (!isCut || pod === undefined) return;
    const regarding = { apiVersion: "v1", kind: "Pod", namespace: pod.namespace, name: pod.name, uid: pod.uid };
    this.#recordOfPod({ node, pod, event: { ...event, regarding, related: policy, note: `${kind} ${name}, rule ${rule}: ${words}` } });
  }

  #recordOfPod(told: PodEvent): void {
    if (this.#nodeOf.get(keyOfPod(told.pod)) === told.node) this.#options.recorder.record(told.event);
    else if (this.#lookups < MAX_POD_LOOKUPS) void this.#lookUp(told);
    else if (this.#waiting.length < MAX_INCIDENTS_WAITING) this.#waiting.push(told);
    else this.dropped++;
  }

  /** One after the other, until nobody waits. Never rejects: an Event is a courtesy. */
  async #lookUp(first: PodEvent): Promise<void> {
    this.#lookups++;
    for (let told: PodEvent | undefined = first; told !== undefined; told = this.#waiting.shift()) {
      const { node, pod, event } = told;
      const at = this.#nodeOf.get(keyOfPod(pod)) ?? (await this.#ask(pod));
      if (at === node && !this.#ending.signal.aborted) this.#options.recorder.record(event);
    }
    this.#lookups--;
  }

  /** Undefined where there is no such pod, or it cannot be known now. */
  async #ask(pod: IncidentPod): Promise<string | undefined> {
    const { namespace, name, uid } = pod;
    const found = await this.#options.client.find<Pod>(RESOURCES.pods, { namespace, name }, { signal: this.#ending.signal }).catch(() => undefined);
    const node = found?.metadata.uid === uid ? found.spec?.nodeName : undefined;
    if (node === undefined) return undefined;
    for (const oldest of this.#nodeOf.keys()) {
      if (this.#nodeOf.size < MAX_PODS_KNOWN) break;
      this.#nodeOf.delete(oldest);
    }
    this.#nodeOf.set(keyOfPod(pod), node);
    return node;
  }
}

/** With its name: who knows the uid of a pod of their own must not speak of another by it. */
function keyOfPod({ namespace, name, uid }: IncidentPod): string {
  return `${uid} ${namespace}/${name}`;
}
