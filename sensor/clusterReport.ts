/** Everything that a sensor tells its cluster of itself: by the report stream what is quick, by its SensorNode the rest. */
import { randomUUID } from "node:crypto";
import { identityOf } from "../crds/mod.ts";
import type { KubeClient } from "../kube/mod.ts";
import { AnswerTurn, nodeStatus, NodeWriter, OwnState, ReportOutbox, ReportStream, SETTLE_MS, streamTarget } from "./cluster/mod.ts";
import type { ClusterMember, ClusterReset, NodeFacts, OutboxFacts, ResetResult } from "./cluster/mod.ts";
import { CoverageWatch } from "./coverageWatch.ts";
import { Stop } from "./decide/mod.ts";
import type { ClusterView, CompileNote, PodIdentity } from "./decide/mod.ts";
import { fullName } from "./fullName.ts";
import { IncidentReader } from "./incidents.ts";
import type { ClusterOptions } from "./options.ts";
import type { PacketWorkers } from "./packetWorkers.ts";
import type { PolicyKeeper } from "./policyKeeper.ts";
import { podsByAddress, spelled } from "./podsByAddress.ts";
import { PolicyTotals } from "./policyTotals.ts";
import type { PolicyReference } from "./policyTotals.ts";
import { Counter, Histograms } from "./report/mod.ts";
import type { Logger } from "./report/mod.ts";
import type { StopSwitch } from "./stopSwitch.ts";
import type { Topology } from "./topology/mod.ts";
import { version } from "./version.ts";

/** Token for the operator alone, then the one for the API server, as the kubelet puts them. */
const TOKEN_FILES = ["/var/run/secrets/flowreset.io/report-stream/token", "/var/run/secrets/kubernetes.io/serviceaccount/token"];
const MAX_FAILURES = 100;
const MAX_MESSAGE = 1_024;
const MAX_UNREPORTED = 100;
const MAX_UNREPORTED_FLOWS = 10;

export interface ClusterReportParts {
  readonly options: ClusterOptions;
  readonly client: KubeClient;
  readonly member: ClusterMember;
  readonly workers: PacketWorkers;
  readonly keeper: PolicyKeeper;
  readonly stop: StopSwitch;
  readonly topology: Topology;
  readonly log: Logger;
  /** Why the sensor as a whole does not work; undefined where it does. */
  readonly trouble: () => string | undefined;
  /** Why the key of the mark is not the fleet's; undefined where it is. */
  readonly markKeyFault: string | undefined;
}

export class ClusterReport {
  readonly session = randomUUID();
  readonly outbox: ReportOutbox;
  readonly stream: ReportStream;
  readonly writer: NodeWriter;
  readonly own: OwnState;
  readonly coverage: CoverageWatch;
  readonly incidents: IncidentReader;
  readonly #parts: ClusterReportParts;
  readonly #totals: PolicyTotals;
  readonly #turn: AnswerTurn;
  #pods = new Map<string, PodIdentity>();
  #policies = new Map<string, PolicyReference>();
  #notes: readonly CompileNote[] = [];
  #said = "";

  constructor(parts: ClusterReportParts) {
    const { options, client, member, workers, keeper, log } = parts;
    const { node, fleet } = options;
    this.#parts = parts;
    this.#totals = new PolicyTotals(() => workers.counters, keeper.labels);
    this.outbox = new ReportOutbox({ node, fleet, session: this.session, version: version() });
    const tokenFiles = options.reportTokenFile === undefined ? TOKEN_FILES : [options.reportTokenFile];
    this.stream = new ReportStream({ outbox: this.outbox, facts: () => this.#facts(), tokenFiles, log });
    const { stream } = this;
    this.#turn = new AnswerTurn({ answer: () => stream.poke(), spreadMs: () => stream.spreadMs, nowMs: () => performance.now(), lastReportMs: () => stream.lastReportMs });
    this.own = new OwnState(member.watches, () => this.#sum(Counter.PacketsInjected));
    this.writer = new NodeWriter({
      client, node, fleet, log,
      nodeUid: () => member.knowledge.node.uid,
      status: (before) => nodeStatus(this.#nodeFacts(), before),
      onFault: (fault) => this.own.setFault("SensorNode", fault),
    });
    this.coverage = new CoverageWatch({
      pods: () => this.#podsOfInterfaces(),
      flows: (query) => workers.flows(query),
      onChange: (halfBlind) => {
        log.warn({ interfaces: halfBlind }, halfBlind.length === 0 ? "both directions of every pod are seen again" : "of these interfaces only one direction is seen, as under eBPF host routing");
        this.writer.poke();
      },
    });
    this.incidents = new IncidentReader({
      policyOf: (name) => this.#policies.get(name),
      podOf: (address) => this.#pods.get(address),
      nowMs: () => Date.now(),
    });
  }

  start(): void {
    this.writer.start();
    this.coverage.start();
  }

  onStream(data: Readonly<Record<string, string>> | undefined): void {
    this.stream.setTarget(streamTarget(data));
  }

  onView({ pods }: ClusterView): void {
    this.#pods = podsByAddress(pods);
    this.#pokeWriter();
  }

  onPolicies(notes: readonly CompileNote[]): void {
    this.#notes = notes;
    this.#policies = new Map(this.#references().map((policy) => [fullName(policy), policy]));
    this.stream.pokeInTurn();
    this.#pokeWriter();
  }

  onState(): void {
    this.own.setFault("services", this.#parts.member.servicesFault);
    this.own.onState(Date.now());
    this.#pokeWriter();
  }

  /** A FlowReset has been looked at. Where it names this node the operator waits to hear so, else it may. */
  onReset({ uid, object }: ClusterReset): void {
    if (object.kind !== "FlowReset" && object.kind !== "ClusterFlowReset") return;
    const { client, server } = object.object.spec.match;
    const named = [client?.ip, server?.ip].filter((ip) => ip !== undefined).map(spelled);
    this.#parts.member.observedResets.read(performance.now());
    if (named.some((ip) => this.isOfNode(ip))) setTimeout(() => this.stream.poke(), SETTLE_MS).unref();
    else this.#turn.onOpen(uid, named.length > 0);
  }

  onResetGone(uid: string): void {
    this.#turn.onClosed(uid);
  }

  isOfNode(address: string): boolean {
    const { member, topology } = this.#parts;
    return this.#pods.has(address) || member.knowledge.node.addresses.includes(address) || topology.interfaces().some(({ addresses }) => addresses.includes(address));
  }

  /** Nobody waits for the word of a node that has nothing to do with it. */
  onResult(result: ResetResult): void {
    if (result.matched === 0 && result.phase === "Done") return;
    this.outbox.addResult(result, (address) => {
      const pod = this.#pods.get(address);
      return pod === undefined ? undefined : `${pod.namespace}/${pod.name}`;
    });
    this.stream.poke();
    this.#pokeWriter();
  }

  onEvent(line: Uint8Array): void {
    const incident = this.incidents.read(line);
    if (incident !== undefined) this.outbox.addIncident(incident);
  }

  close(): void {
    this.#turn.close();
    this.coverage.close();
    this.writer.close();
    this.stream.close();
  }

  /** Writes when what it says has changed, its time and counts aside. */
  #pokeWriter(): void {
    const { heartbeatTime: _, capture, conditions = [], observed: __, gap: ___, ...said } = nodeStatus(this.#nodeFacts(), []);
    const words = JSON.stringify([said, capture?.halfBlind, conditions.map(({ type, status, reason }) => [type, status, reason])]);
    if (words === this.#said) return;
    this.#said = words;
    this.writer.poke();
  }

  #references(): PolicyReference[] {
    const { policies } = this.#parts.member.knowledge;
    return policies.objects().flatMap((object) => {
      const { kind, namespace, name } = object;
      return kind === "ResponsePolicy" || kind === "ClusterResponsePolicy" ? [{ kind, namespace, name, uid: policies.uidOf(identityOf(object)) }] : [];
    });
  }

  #failures(): OutboxFacts["failures"] {
    const { member } = this.#parts;
    const { policies } = member.knowledge;
    const byUid = new Map<string, OutboxFacts["failures"][number]>();
    for (const { kind, namespace, name, uid, generation, message } of member.failures()) {
      if (kind === "SensorFleet") continue;
      byUid.set(uid, { kind: kind as PolicyReference["kind"], namespace, name, uid, generation, message: message.slice(0, MAX_MESSAGE) });
    }
    const byIdentity = new Map(this.#references().map((policy) => [identityOf(policy), policy]));
    for (const { object, severity, field, message } of this.#notes) {
      const policy = byIdentity.get(object);
      if (severity !== "Error" || policy === undefined || byUid.has(policy.uid)) continue;
      byUid.set(policy.uid, { ...policy, generation: policies.generationOf(object), message: `${field}: ${message}`.slice(0, MAX_MESSAGE) });
    }
    return [...byUid.values()].slice(0, MAX_FAILURES);
  }

  #facts(): OutboxFacts {
    return {
      observed: this.#observed(),
      failures: this.#failures(),
      counters: this.#totals.read(this.#references()),
      health: {
        enforcement: this.#enforcement(),
        captureLossPackets: this.#sum(Counter.KernelDrops),
        coverage: this.#coverage(),
        apiServer: this.own.isConnected ? "Connected" : "Lost",
      },
    };
  }

  #nodeFacts(): NodeFacts {
    const { member, trouble, markKeyFault } = this.#parts;
    const failed = new Set(this.#failures().filter(({ kind }) => kind === "ResponsePolicy" || kind === "ClusterResponsePolicy").map(({ uid }) => uid)).size;
    return {
      nowMs: Date.now(),
      version: version(),
      session: this.session,
      observed: this.#observed(),
      policies: { loaded: Math.max(0, this.#policies.size - failed), failed },
      capture: { packets: this.#sum(Counter.Packets), lost: this.#sum(Counter.KernelDrops), ...this.#coverage() },
      enforcement: this.#enforcement(),
      gap: this.#gap(),
      unreported: this.stream.isHeard ? [] : this.outbox.unreported(MAX_UNREPORTED, MAX_UNREPORTED_FLOWS),
      missingRights: this.own.missingRights(),
      trouble: trouble(),
      halfBlind: this.coverage.halfBlind,
      podsUnseen: this.#podsUnseen().map(({ namespace, name }) => `${namespace}/${name}`),
      markKeyFault,
      isTooOld: member.isTooOld,
      contactMs: member.contactMs,
      outage: this.own.outage,
    };
  }

  #gap(): NodeFacts["gap"] {
    const { member, workers } = this.#parts;
    const gaps = member.knowledge.pods.gapsMs.toSorted((a, b) => a - b);
    const revisitedFlows = workers.counters.reduce((sum, counters) => sum + counters.observations(Histograms.identity), 0);
    return { pods: gaps.length, medianMilliseconds: Math.round(gaps[gaps.length >> 1] ?? 0), maximumMilliseconds: Math.round(gaps.at(-1) ?? 0), revisitedFlows };
  }

  #observed(): OutboxFacts["observed"] {
    const { observedPolicies, observedResets, watches } = this.#parts.member;
    const nowMs = performance.now();
    return { policies: observedPolicies.read(nowMs), flowResets: observedResets.read(nowMs), fleet: watches.fleet.resourceVersion };
  }

  #enforcement(): OutboxFacts["health"]["enforcement"] {
    const { stop } = this.#parts;
    if (stop.isStoppedBy(Stop.Emergency)) return "Stopped";
    return stop.isStopped ? "ObserveOnly" : "Enabled";
  }

  #coverage(): OutboxFacts["health"]["coverage"] {
    const { topology } = this.#parts;
    const interfaces = topology.interfaces().filter(({ kind, up }) => up && kind !== "Bridge").length;
    const pods = new Set([...this.#pods.values()].map(({ uid }) => uid)).size;
    return { interfaces, halfBlind: this.coverage.halfBlind.length, pods, podsUnseen: this.#podsUnseen().length };
  }

  #podsUnseen(): PodIdentity[] {
    return [...new Map([...this.#pods.values()].filter(({ interfaceIndex }) => interfaceIndex === 0).map((pod) => [pod.uid, pod])).values()];
  }

  #podsOfInterfaces(): { interfaceName: string; addresses: readonly string[] }[] {
    const names = new Map(this.#parts.topology.interfaces().map(({ index, name }) => [index, name]));
    const pods = new Map([...this.#pods.values()].map((pod) => [pod.uid, pod]));
    return [...pods.values()].flatMap(({ interfaceIndex, addresses }) => {
      const interfaceName = names.get(interfaceIndex);
      return interfaceName === undefined ? [] : [{ interfaceName, addresses }];
    });
  }

  #sum(counter: number): number {
    return this.#parts.workers.counters.reduce((total, { values }) => total + values[counter]!, 0);
  }
}
