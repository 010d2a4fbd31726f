/** What the leader does, and nobody else: follows the objects, keeps their status, answers the sensors. */
import { CertificateKeeper, type KeptCertificate } from "./certificate/mod.ts";
import type { Reply, Report } from "../crds/stream/mod.ts";
import { DefaultFleet } from "./defaultFleet/mod.ts";
import { EventRecorder, KubeError, Reflector, RESOURCES, type KubeClient, type KubeObject, type ReflectorEvent, type Resource } from "../kube/mod.ts";
import { FlowResetController, flowResetFacts, flowResetKey, type FlowResetFacts } from "./flowReset/mod.ts";
import type { Logger } from "./log.ts";
import { NodeAddresses, nodeFacts, podCidrsOf, publishDiscovery, type NodeFacts } from "./nodes/mod.ts";
import { LABELS, NAMES, REPORT_PORT } from "./options.ts";
import { KeyedQueue, type QueueFigures } from "./queue/mod.ts";
import { Roster } from "./roster/mod.ts";
import { nextReportMs } from "./stream/mod.ts";

export interface LeadingOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly identity: string;
  readonly log: Logger;
  /** Where this replica takes reports: told to sensors where there is no Service. */
  readonly ownUrl: string;
  /** The one that every replica serves. */
  certificate(): KeptCertificate | undefined;
}

type Service = KubeObject & { readonly spec?: { readonly clusterIP?: string } };

const SWEEP_MS = 5_000;
/** Nodes that come together are told together. */
const SETTLE_MS = 1_000;
const WORKERS = 8;

export class Leading {
  readonly roster = new Roster();
  readonly #options: LeadingOptions;
  readonly #recorder: EventRecorder;
  readonly #addresses = new NodeAddresses();
  readonly #queues: KeyedQueue[] = [];
  readonly #reflectors: Reflector<KubeObject>[] = [];
  readonly #nodes: Reflector<NodeFacts>;
  readonly #flowResets: readonly Reflector<FlowResetFacts>[];
  readonly #flowReset: FlowResetController;
  readonly #discovery: KeyedQueue;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: LeadingOptions) {
    this.#options = options;
    const { client, identity, log } = options;
    this.#recorder = new EventRecorder({ client, reportingController: NAMES.reportingController, reportingInstance: identity, log });

    const flowResetQueue = this.#queue("flowreset", (key, signal) => this.#flowReset.reconcile(key, signal));
    this.#flowReset = new FlowResetController({
      client,
      recorder: this.#recorder,
      roster: this.roster,
      fieldManager: NAMES.fieldManager,
      nodeOfAddress: (address) => this.#addresses.nodeOf(address),
      find: (key) => this.#findFlowReset(key),
      enqueue: (key) => flowResetQueue.add(key),
      nowMs: () => Date.now(),
      monotonicMs: () => performance.now(),
    });
    this.#flowResets = [RESOURCES.flowResets, RESOURCES.clusterFlowResets].map((resource) =>
      this.#follow(resource, flowResetFacts, ({ object }) => flowResetQueue.add(flowResetKey(object))),
    );

    const keeper = new CertificateKeeper({
      client,
      namespace: options.namespace,
      name: NAMES.secret,
      hosts: [this.#serverName],
      fieldManager: NAMES.fieldManager,
      labels: LABELS,
      nowMs: () => Date.now(),
    });
    this.#queue("certificate", async (_key, signal) => (await keeper.reconcile(signal)).againMs).add("certificate");

    const defaultFleet = new DefaultFleet({ client, namespace: options.namespace, name: NAMES.defaultFleet, ownerRole: NAMES.clusterRole, fieldManager: NAMES.fieldManager });
    const defaultFleetQueue = this.#queue("defaultfleet", (_key, signal) => defaultFleet.reconcile(signal));
    this.#reflectors.push(defaultFleet.follow(() => defaultFleetQueue.add("defaultfleet"), log));

    this.#discovery = this.#queue("discovery", (_key, signal) => this.#publish(signal));
    this.#nodes = this.#follow(RESOURCES.nodes, nodeFacts, ({ type, object, previous }) => {
      if (previous !== undefined) this.#addresses.remove(previous);
      if (type === "Deleted") this.#addresses.remove(object);
      else this.#addresses.put(object);
      this.#discovery.addAfter("discovery", SETTLE_MS);
    });
  }

  start(): void {
    for (const reflector of this.#reflectors) reflector.start();
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** The bundle that sensors must trust may be another now. */
  certificateChanged(): void {
    this.#discovery.add("discovery");
  }

  /** What is missing for the work to be whole; undefined: nothing. */
  trouble(): string | undefined {
    for (const { isSynced, state } of this.#reflectors) if (!isSynced) return state.error?.message ?? "still reading the cluster's objects";
    return undefined;
  }

  get queues(): readonly QueueFigures[] {
    return this.#queues.map(({ figures }) => figures);
  }

  /** Takes a report over; undefined where there is no room for its sensor. */
  take(report: Report): Reply | undefined {
    const heard = this.roster.hear(report, performance.now());
    if (heard === undefined) return undefined;
    this.#flowReset.hear(report, heard.isNewSession);
    return {
      acknowledged: this.#flowReset.acknowledged(report.node, report.sequence),
      nextReportMs: nextReportMs(this.roster.sensors.size),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.all(this.#reflectors.map((reflector) => reflector.close()));
    await Promise.all(this.#queues.map((queue) => queue.close()));
    await this.#recorder.close();
  }

  #queue(name: string, reconcile: (key: string, signal: AbortSignal) => Promise<number | undefined>): KeyedQueue {
    const { log } = this.#options;
    const queue = new KeyedQueue({
      name,
      workers: WORKERS,
      reconcile,
      restOf: (error) => (KubeError.is(error) ? error.retryAfterMs : undefined),
      onError: (key, error, restMs) => log.warn({ queue: name, key, restMs: Math.round(restMs), err: error as Error }, "trying again later"),
    });
    this.#queues.push(queue);
    return queue;
  }

  #follow<T extends KubeObject>(resource: Resource, transform: (raw: KubeObject) => T, onChange: (event: ReflectorEvent<T>) => void): Reflector<T> {
    const { client, log } = this.#options;
    const reflector = new Reflector<T>({ client, resource, transform, onChange, onSynced: () => this.#discovery.add("discovery"), log });
    this.#reflectors.push(reflector as unknown as Reflector<KubeObject>);
    return reflector;
  }

  #findFlowReset(key: string): FlowResetFacts | undefined {
    const [kind, name] = key.split(" ") as [FlowResetFacts["kind"], string];
    return this.#flowResets[kind === "FlowReset" ? 0 : 1]!.objects.get(name);
  }

  get #serverName(): string {
    return `${NAMES.service}.${this.#options.namespace}.svc`;
  }

  /** Written once there is something to trust: a sensor that finds nothing waits. */
  async #publish(signal: AbortSignal): Promise<undefined> {
    const { client, namespace, ownUrl, certificate } = this.#options;
    const served = certificate();
    if (served === undefined || !this.#nodes.isSynced) return undefined;
    const service = await client.find<Service>(RESOURCES.services, { namespace, name: NAMES.service }, { signal });
    const clusterIp = service?.spec?.clusterIP;
    const url = clusterIp === undefined || clusterIp === "None" ? ownUrl : `https://${clusterIp.includes(":") ? `[${clusterIp}]` : clusterIp}:${REPORT_PORT}`;
    const place = { client, namespace, name: NAMES.discovery, fieldManager: NAMES.fieldManager, labels: LABELS };
    await publishDiscovery({ url, serverName: this.#serverName, ca: served.bundle, podCidrs: podCidrsOf(this.#nodes.objects.values()) }, place, signal);
    return undefined;
  }

  #sweep(): void {
    for (const { objects } of this.#flowResets) this.#flowReset.sweep(objects.values());
  }
}
