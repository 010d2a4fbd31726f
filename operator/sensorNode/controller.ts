/** The SensorNode controller: heartbeats into the roster, silence into the condition, the object away with its Node. */
import type { SensorNodeStatus } from "../../crds/mod.ts";
import { readResets, type ResetReport } from "../../crds/stream/mod.ts";
import { KubeError, RESOURCES, type KubeClient, type KubeObject } from "../../kube/mod.ts";
import { mergeConditions } from "../condition/mod.ts";
import { STALE_AFTER_MS, type Roster, type Sensor } from "../roster/mod.ts";
import type { SensorNodeFacts } from "./facts.ts";
import { planSensorNode } from "./plan.ts";

export interface SensorNodeControllerOptions {
  readonly client: KubeClient;
  readonly roster: Roster;
  readonly fieldManager: string;
  find(name: string): SensorNodeFacts | undefined;
  hasNode(name: string): boolean;
  /** Some fleet would have a sensor there, as far as is known. */
  isWanted(name: string): boolean;
  enqueue(name: string): void;
  takeUnreported(node: string, session: string, results: readonly ResetReport[]): void;
  /** Some sensor became stale, or is back. */
  onFreshness(): void;
  /** By its SensorNode it has taken over more than was known. @param policiesBefore what `sensor.policies` was before */
  onObserved(sensor: Sensor, policiesBefore: number): void;
  /** A sensor is no more. */
  onGone(node: string): void;
  nowMs(): number;
  monotonicMs(): number;
}

export class SensorNodeController {
  readonly #options: SensorNodeControllerOptions;
  readonly #stale = new Set<string>();
  /** Versions of SensorNodes whose results were fetched. */
  readonly #fetched = new Map<string, string>();

  constructor(options: SensorNodeControllerOptions) {
    this.#options = options;
  }

  /** The object as it is now, also when nothing but its heartbeat changed. */
  see({ metadata, fleet, version, heartbeat, policies, flowResets, unreported }: SensorNodeFacts): void {
    const { roster, enqueue, onFreshness, onObserved, nowMs, monotonicMs } = this.#options;
    const { name } = metadata;
    const before = { policies: 0, flowResets: 0, ...roster.sensors.get(name) };
    const isBack = roster.beat({ node: name, fleet, version, time: heartbeat, policies, flowResets }, monotonicMs(), nowMs());
    const sensor = roster.sensors.get(name);
    if (sensor !== undefined && (sensor.policies > before.policies || sensor.flowResets > before.flowResets)) onObserved(sensor, before.policies);
    if (isBack && this.#stale.delete(name)) onFreshness();
    if (unreported > 0 && this.#fetched.get(name) !== metadata.resourceVersion) enqueue(name);
  }

  /** Somebody took the object away: a sensor that is heard writes it anew, another is not missed any more. */
  unsee({ metadata: { name } }: SensorNodeFacts): void {
    const { roster, onFreshness, monotonicMs } = this.#options;
    if (!roster.sensors.has(name) || roster.isFresh(name, monotonicMs())) return;
    this.#forget(name);
    onFreshness();
  }

  /** Fleets want other nodes than before. */
  lookAtSilent(): void {
    for (const name of this.#stale) this.#options.enqueue(name);
  }

  /** A report came: it is certainly not stale. */
  heard(node: string): void {
    if (this.#stale.delete(node)) this.#options.onFreshness();
  }

  /** Now and then: who fell silent. */
  sweep(): void {
    const { roster, monotonicMs, enqueue, onFreshness } = this.#options;
    const asOfMs = monotonicMs();
    let hasChanged = false;
    for (const node of roster.sensors.keys()) {
      if (roster.isFresh(node, asOfMs) || this.#stale.has(node)) continue;
      this.#stale.add(node);
      hasChanged = true;
      enqueue(node);
    }
    if (hasChanged) onFreshness();
  }

  get stale(): number {
    return this.#stale.size;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<undefined> {
    const { find, hasNode, isWanted, roster, monotonicMs, onFreshness } = this.#options;
    const facts = find(name);
    if (facts !== undefined && facts.unreported > 0) await this.#fetch(facts, signal);
    switch (planSensorNode({ ready: facts?.ready, hasNode: hasNode(name), isWanted: isWanted(name), isFresh: roster.isFresh(name, monotonicMs()) })) {
      case "Delete":
        if (!(await this.#hasNodeNow(name, signal))) await this.#delete(facts!, signal);
        break;
      case "Retire":
        await this.#delete(facts!, signal);
        onFreshness();
        break;
      case "Forget":
        this.#forget(name);
        onFreshness();
        break;
      case "SayStale":
        await this.#sayStale(name, signal);
        break;
      case undefined:
    }
    return undefined;
  }

  async #delete({ metadata: { name, uid } }: SensorNodeFacts, signal: AbortSignal): Promise<void> {
    await this.#options.client.delete(RESOURCES.sensorNodes, { name }, { preconditions: { uid: uid! }, signal }).catch(unlessGone);
    this.#forget(name);
  }

  /** Two watches: the SensorNode of a new Node may be shown before the Node is. */
  async #hasNodeNow(name: string, signal: AbortSignal): Promise<boolean> {
    const { items } = await this.#options.client.listAll(RESOURCES.nodes, { fieldSelector: `metadata.name=${name}`, signal });
    return items.length > 0;
  }

  /** The sensor overwrites it whole when it is back. */
  async #sayStale(name: string, signal: AbortSignal): Promise<void> {
    const { client, fieldManager, nowMs } = this.#options;
    const current = await client.find(RESOURCES.sensorNodes, { name }, { signal });
    if (current === undefined) return;
    const status = (current.status ?? {}) as SensorNodeStatus;
    const message = `Nothing was heard of the sensor for ${STALE_AFTER_MS / 1_000} s: what its node does is not watched, or not told`;
    const conditions = mergeConditions(status.conditions ?? [], [{ type: "Ready", status: "Unknown", reason: "HeartbeatStopped", message }], current.metadata.generation ?? 1, nowMs());
    // With the version that was read: a sensor that is back meanwhile is not overruled.
    await client.patchStatus<KubeObject>(RESOURCES.sensorNodes, { name }, { ...status, conditions }, { current, resourceVersion: current.metadata.resourceVersion, fieldManager, signal }).catch(unlessGone);
  }

  async #fetch({ metadata }: SensorNodeFacts, signal: AbortSignal): Promise<void> {
    const current = await this.#options.client.find(RESOURCES.sensorNodes, { name: metadata.name }, { signal });
    const { session, unreported } = (current?.status ?? {}) as Partial<Record<"session" | "unreported", unknown>>;
    // As it was stored, perhaps by a sensor of another version.
    this.#options.takeUnreported(metadata.name, typeof session === "string" ? session : "", readResets(Array.isArray(unreported) ? unreported : []));
    this.#fetched.set(metadata.name, metadata.resourceVersion ?? "");
  }

  #forget(name: string): void {
    this.#stale.delete(name);
    this.#fetched.delete(name);
    this.#options.roster.forget(name);
    this.#options.onGone(name);
  }
}

function unlessGone(error: unknown): undefined {
  if (KubeError.is(error, "NotFound")) return undefined;
  throw error;
}
