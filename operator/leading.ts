/** What the leader does, and nobody else: wires the controllers to the objects that they follow and to the reports. */
import type { Reply, Report } from "../crds/stream/mod.ts";
import { EventRecorder, kindedKeyOf, RESOURCES, type KubeClient, type KubeObject, type Reflector, type ReflectorEvent } from "../kube/mod.ts";
import { CertificateKeeper, type KeptCertificate } from "./certificate/mod.ts";
import { DefaultFleet } from "./defaultFleet/mod.ts";
import { daemonSetFacts, FLEET_LABEL, FleetController, fleetFacts, isWantedBy, type DaemonSetFacts, type FleetFacts } from "./fleet/mod.ts";
import { FlowResetController, flowResetFacts, type FlowResetFacts } from "./flowReset/mod.ts";
import { Following } from "./following.ts";
import type { Logger } from "./log.ts";
import { NodeAddresses, nodeFacts, podCidrsOf, publishDiscovery, type NodeFacts } from "./nodes/mod.ts";
import { MarkKeyKeeper } from "./markKey/mod.ts";
import { LABELS, NAMES, REPORT_PORT } from "./options.ts";
import { PolicyController, policyFacts, type PolicyFacts } from "./policy/mod.ts";
import type { KeyedQueue } from "./queue/mod.ts";
import { Roster } from "./roster/mod.ts";
import { SensorNodeController, sensorNodeFacts, type SensorNodeFacts } from "./sensorNode/mod.ts";
import { answerSpreadMs, nextReportMs } from "./stream/mod.ts";

export interface LeadingOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly identity: string;
  readonly sensorServiceAccount: string;
  readonly sensorImage: string;
  readonly log: Logger;
  /** Where this replica takes reports: told to sensors where there is no Service. */
  readonly ownUrl: string;
  /** Whether the lease is ours at this moment. */
  isLeading(): boolean;
  /** The one that every replica serves. */
  certificate(): KeptCertificate | undefined;
}

type Service = KubeObject & { readonly spec?: { readonly clusterIP?: string } };

const SWEEP_MS = 5_000;
/** What comes together is looked at together: nodes, namespaces, fleets. */
const SETTLE_MS = 1_000;
/** The Service may get another address, and the ConfigMap may be changed, without a word to us. */
const PUBLISHED_MS = 60_000;
const FINDING_WORKERS = 16;

export class Leading {
  readonly roster = new Roster();
  readonly following: Following;
  readonly #options: LeadingOptions;
  readonly #recorder: EventRecorder;
  readonly #addresses = new NodeAddresses();
  readonly #nodes: Reflector<NodeFacts>;
  readonly #namespaces: Reflector<KubeObject>;
  readonly #fleets: Reflector<FleetFacts>;
  readonly #daemonSets: Reflector<DaemonSetFacts>;
  readonly #sensorNodes: Reflector<SensorNodeFacts>;
  readonly #flowResets: readonly Reflector<FlowResetFacts>[];
  readonly #policies: readonly Reflector<PolicyFacts>[];
  readonly #flowReset: FlowResetController;
  readonly #policy: PolicyController;
  readonly #sensorNode: SensorNodeController;
  readonly #certificateQueue: KeyedQueue;
  readonly #discoveryQueue: KeyedQueue;
  readonly #fleetQueue: KeyedQueue;
  readonly #policyQueue: KeyedQueue;
  #isSynced = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: LeadingOptions) {
    this.#options = options;
    const { client, namespace, identity, log } = options;
    this.following = new Following(client, log, options.isLeading, () => this.#begin());
    this.#recorder = new EventRecorder({ client, reportingController: NAMES.reportingController, reportingInstance: identity, log });
    const { following, roster } = this;
    const shared = { client, roster, recorder: this.#recorder, fieldManager: NAMES.fieldManager, answerSpreadMs: () => answerSpreadMs(roster.sensors.size), nowMs: () => Date.now(), monotonicMs: () => performance.now() };

    const flowResetQueue = following.queue("flowreset", this.#whenSynced((key, signal) => this.#flowReset.reconcile(key, signal)), FINDING_WORKERS);
    this.#flowReset = new FlowResetController({
      ...shared,
      nodesOfAddress: (address) => this.#addresses.nodesOf(address),
      find: (key) => find(this.#flowResets, "FlowReset", key),
      onObstacle: (error) => {
        following.missingRights.note(error, performance.now());
        log.warn({ err: error }, "going on without it");
      },
      enqueue: (key) => flowResetQueue.add(key),
    });
    this.#flowResets = [RESOURCES.flowResets, RESOURCES.clusterFlowResets].map((resource) =>
      following.follow(resource, { transform: flowResetFacts, onChange: ({ object }) => flowResetQueue.add(kindedKeyOf(object)) }),
    );

    this.#policyQueue = following.queue("policy", this.#whenSynced((key, signal) => this.#policy.reconcile(key, signal)));
    this.#policy = new PolicyController({
      ...shared,
      find: (key) => find(this.#policies, "ResponsePolicy", key),
      count: () => this.#policies.reduce((sum, { objects }) => sum + objects.size, 0),
      labelsOfNode: (node) => this.#nodes.objects.get(node)?.labels,
      labelsOfNamespace: (name) => this.#namespaces.objects.get(name)?.metadata.labels,
      fleets: () => [...this.#fleets.objects.values()].flatMap((fleet) => (fleet.spec === undefined ? [] : [fleetRules(fleet, fleet.spec)])),
      enqueueAfter: (key, ms) => this.#policyQueue.addAfter(key, ms),
    });
    this.#policies = [RESOURCES.responsePolicies, RESOURCES.clusterResponsePolicies].map((resource) =>
      following.follow(resource, {
        transform: policyFacts,
        onChange: ({ type, object }) => {
          if (type === "Deleted") this.#policy.unsee(object);
          else this.#policy.see(object);
          this.#policyQueue.add(kindedKeyOf(object));
        },
      }),
    );

    const markKey = new MarkKeyKeeper({ ...shared, namespace, name: NAMES.markKeySecret, labels: LABELS, onChange: () => this.#lookAtFleets() });
    const markKeyQueue = following.queue("markkey", (_key, signal) => markKey.reconcile(signal));
    markKeyQueue.add("markkey");

    const fleet = new FleetController({
      ...shared,
      namespace,
      markKeySecret: NAMES.markKeySecret,
      markKeyUid: () => markKey.uid,
      serviceAccount: options.sensorServiceAccount,
      defaultImage: options.sensorImage,
      fleets: () => this.#fleets.objects,
      daemonSet: (name) => this.#daemonSets.objects.get(`${namespace}/${name}`),
      nodes: () => this.#nodes.objects.values(),
      missingRights: () => this.#missingRights(),
    });
    // Sensors that start before their key would be replaced a moment later.
    this.#fleetQueue = following.queue("fleet", this.#whenSynced(async (key, signal) => (markKey.isSettled ? fleet.reconcile(key, signal) : SETTLE_MS)));
    this.#fleets = following.follow(RESOURCES.sensorFleets, {
      transform: fleetFacts,
      onChange: ({ type, object, previous }) => {
        this.#fleetQueue.add(object.metadata.name);
        if (type === "Modified" && previous?.metadata.generation === object.metadata.generation && hasSensors(previous) === hasSensors(object)) return; // Our own status.
        this.#lookAtFleets(); // They may overlap no more.
        this.#policy.lookAtAll();
        this.#sensorNode.lookAtSilent();
      },
    });
    this.#daemonSets = following.follow(RESOURCES.daemonSets, {
      namespace,
      labelSelector: FLEET_LABEL,
      transform: daemonSetFacts,
      onChange: ({ object }) => this.#fleetQueue.add(object.metadata.labels?.[FLEET_LABEL] ?? ""),
    });
    const defaultFleet = new DefaultFleet({ client, recorder: this.#recorder, namespace, name: NAMES.defaultFleet, ownerRole: NAMES.clusterRole, fieldManager: NAMES.fieldManager });
    const defaultFleetQueue = following.queue("defaultfleet", (_key, signal) => defaultFleet.reconcile(signal));
    following.follow<KubeObject>(RESOURCES.configMaps, {
      namespace,
      fieldSelector: `metadata.name=${NAMES.defaultFleet}`,
      transform: (raw) => raw,
      onChange: () => defaultFleetQueue.add("defaultfleet"),
    });
    defaultFleetQueue.add("defaultfleet");

    const sensorNodeQueue = following.queue("sensornode", this.#whenSynced((key, signal) => this.#sensorNode.reconcile(key, signal)));
    this.#sensorNode = new SensorNodeController({
      ...shared,
      find: (name) => this.#sensorNodes.objects.get(name),
      hasNode: (name) => this.#nodes.objects.has(name),
      isWanted: (name) => this.#isWanted(name),
      enqueue: (name) => sensorNodeQueue.add(name),
      takeUnreported: (node, session, results) => this.#flowReset.takeUnreported(node, session, results),
      onFreshness: () => {
        this.#policy.lookAtAll();
        this.#lookAtFleets();
      },
      onObserved: (sensor, policiesBefore) => {
        this.#policy.observe(sensor, policiesBefore);
        this.#flowReset.observe(sensor.node, sensor.flowResets);
      },
      onGone: (node) => this.#policy.forget(node),
    });
    this.#sensorNodes = following.follow(RESOURCES.sensorNodes, {
      transform: sensorNodeFacts,
      onChange: ({ type, object }) => {
        if (type === "Deleted") this.#sensorNode.unsee(object);
        else this.#sensorNode.see(object);
        if (type !== "Modified") sensorNodeQueue.add(object.metadata.name);
      },
    });

    this.#discoveryQueue = following.queue("discovery", this.#whenSynced((_key, signal) => this.#publish(signal)));
    this.#nodes = following.follow(RESOURCES.nodes, {
      transform: nodeFacts,
      onChange: (event) => {
        this.#takeNode(event);
        if (event.type === "Deleted") sensorNodeQueue.add(event.object.metadata.name);
      },
    });
    this.#namespaces = following.follow(RESOURCES.namespaces, {
      transform: ({ apiVersion, kind, metadata: { name, labels, resourceVersion } }) => ({ apiVersion, kind, metadata: { name, labels, resourceVersion } as KubeObject["metadata"] }),
      onChange: ({ object, previous }) => {
        if (JSON.stringify(previous?.metadata.labels) !== JSON.stringify(object.metadata.labels)) this.#policy.lookAtAll();
      },
    });

    const keeper = new CertificateKeeper({ ...shared, namespace, name: NAMES.secret, hosts: [this.#serverName], labels: LABELS });
    this.#certificateQueue = following.queue("certificate", async (_key, signal) => (await keeper.reconcile(signal)).againMs);
    this.#certificateQueue.add("certificate");
  }

  start(): void {
    this.following.start();
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** The bundle that sensors must trust may be another now, or somebody took the Secret away. */
  certificateChanged(): void {
    this.#certificateQueue.add("certificate");
    this.#discoveryQueue.add("discovery");
  }

  /** Everything is known that reports are compared with: what came before would be lost. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Takes a report over; undefined where there is no room for its sensor. */
  take(report: Report): Reply | undefined {
    const heard = this.roster.hear(report, performance.now());
    if (heard === undefined) return undefined;
    this.#flowReset.hear(report, heard.isNewSession);
    this.#policy.hear(report, heard);
    this.#sensorNode.heard(report.node);
    // Told to another leader, what it knew is not known here: 0 asks for all of it.
    const isTakenOver = heard.isNewSession && report.sequence > 1;
    return {
      acknowledged: isTakenOver ? 0 : this.#flowReset.acknowledged(report.node, report.sequence),
      nextReportMs: nextReportMs(this.roster.sensors.size),
      answerSpreadMs: answerSpreadMs(this.roster.sensors.size),
    };
  }

  get figures() {
    const { flowReset, policy, sensorNode } = { flowReset: this.#flowReset.figures, policy: this.#policy.figures, sensorNode: { stale: this.#sensorNode.stale } };
    return { ...flowReset, ...policy, ...sensorNode, sensors: this.roster.sensors.size };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#policy.close();
    await this.following.close();
    await this.#recorder.close();
  }

  get #serverName(): string {
    return `${NAMES.service}.${this.#options.namespace}.svc`;
  }

  /** Nothing is decided on half of the world: keys that came before are looked at when all is known. */
  #whenSynced(reconcile: (key: string, signal: AbortSignal) => Promise<number | undefined>): (key: string, signal: AbortSignal) => Promise<number | undefined> {
    return async (key, signal) => (this.#isSynced ? reconcile(key, signal) : SETTLE_MS);
  }

  #begin(): void {
    this.#isSynced = true;
    this.#discoveryQueue.add("discovery");
  }

  #takeNode({ type, object, previous }: ReflectorEvent<NodeFacts>): void {
    if (previous !== undefined) this.#addresses.remove(previous);
    if (type === "Deleted") this.#addresses.remove(object);
    else this.#addresses.put(object);
    const isSame = type === "Modified" && JSON.stringify([previous?.labels, previous?.podCidrs]) === JSON.stringify([object.labels, object.podCidrs]);
    if (isSame) return; // Its heartbeat.
    this.#discoveryQueue.addAfter("discovery", SETTLE_MS);
    this.#lookAtFleets();
    this.#policy.lookAtAll();
    this.#sensorNode.lookAtSilent();
  }

  /** Where there is no fleet, or none may be listed, somebody else starts sensors as he likes. */
  #isWanted(node: string): boolean {
    const facts = this.#nodes.objects.get(node);
    return facts === undefined || this.#fleets.objects.size === 0 || isWantedBy(this.#fleets.objects.values(), facts);
  }

  /** Of the operator, then of sensors; each once. */
  #missingRights(): readonly string[] {
    const own = this.following.missingRights.list(performance.now()).map(({ verb, resource }) => `${verb} ${resource}`);
    const ofSensors = [...this.#sensorNodes.objects.values()].flatMap(({ missingRights }) => missingRights.map((right) => `${right} (sensor)`));
    return [...new Set([...own, ...ofSensors])];
  }

  #lookAtFleets(): void {
    for (const name of this.#fleets?.objects.keys() ?? []) this.#fleetQueue.addAfter(name, SETTLE_MS);
  }

  /** Written once there is something to trust: a sensor that finds nothing waits. */
  async #publish(signal: AbortSignal): Promise<number | undefined> {
    const { client, namespace, ownUrl, certificate } = this.#options;
    const served = certificate();
    if (served === undefined) return undefined; // certificateChanged() comes back to it.
    const service = await client.find<Service>(RESOURCES.services, { namespace, name: NAMES.service }, { signal });
    const clusterIp = service?.spec?.clusterIP;
    const url = clusterIp === undefined || clusterIp === "None" ? ownUrl : `https://${clusterIp.includes(":") ? `[${clusterIp}]` : clusterIp}:${REPORT_PORT}`;
    const place = { client, namespace, name: NAMES.discovery, fieldManager: NAMES.fieldManager, labels: LABELS };
    await publishDiscovery({ url, serverName: this.#serverName, ca: served.bundle, podCidrs: podCidrsOf(this.#nodes.objects.values()) }, place, signal);
    return PUBLISHED_MS;
  }

  #sweep(): void {
    if (!this.#isSynced) return;
    for (const { objects } of this.#flowResets) this.#flowReset.sweep(objects.values());
    this.#sensorNode.sweep();
  }
}

function fleetRules(fleet: FleetFacts, { enforcement, enforceNamespaces }: NonNullable<FleetFacts["spec"]>) {
  return { name: fleet.metadata.name, enforcement, enforceNamespaces, hasSensors: hasSensors(fleet) };
}

/** As far as its status says. */
function hasSensors({ status }: FleetFacts): boolean {
  return status.sensors?.desired !== 0;
}

/** A key names the kind first; of each pair the namespaced kind is the first. */
function find<T extends KubeObject>([namespaced, cluster]: readonly Reflector<T>[], kind: string, key: string): T | undefined {
  const [found, name] = key.split(" ") as [string, string];
  return (found === kind ? namespaced : cluster)?.objects.get(name);
}
