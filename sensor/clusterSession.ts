/** Wires the sensor's half of a cluster to the rest of the sensor: the main thread of `flowreset sensor --cluster`. */
import type { Registry } from "prom-client";
import { connect } from "../kube/mod.ts";
import type { KubeClient } from "../kube/mod.ts";
import { ActedResets, ClusterMember, HeldEndsFile, machineStartMs, nodeUidOfToken } from "./cluster/mod.ts";
import { registerClusterMetrics } from "./clusterMetrics.ts";
import { ClusterReport } from "./clusterReport.ts";
import { ClusterResets } from "./clusterResets.ts";
import { Stop } from "./decide/mod.ts";
import type { ClusterOptions } from "./options.ts";
import { SensorError } from "./options.ts";
import { checkSignatures } from "./policyKeeper.ts";
import type { CompiledRound, PolicyKeeper } from "./policyKeeper.ts";
import type { PacketWorkers } from "./packetWorkers.ts";
import type { PolicyReport } from "./policyReport.ts";
import type { Logger } from "./report/mod.ts";
import type { ResetBoard } from "./resetBoard.ts";
import type { StopSwitch } from "./stopSwitch.ts";
import { HomesReader } from "./topology/mod.ts";
import type { Topology } from "./topology/mod.ts";
import { version } from "./version.ts";

export interface ClusterParts {
  readonly keeper: PolicyKeeper;
  readonly board: ResetBoard;
  readonly stop: StopSwitch;
  readonly policyReport: PolicyReport;
  readonly workers: PacketWorkers;
  readonly topology: Topology;
  /** Why the sensor as a whole does not work; undefined where it does. */
  readonly trouble: () => string | undefined;
  /** Why the key of the mark is not the fleet's; undefined where it is. */
  readonly markKeyFault: string | undefined;
  /** Hands what was compiled to the Workers. */
  readonly enforce: (round: CompiledRound) => void;
}

export class ClusterSession {
  readonly #client: KubeClient;
  readonly #member: ClusterMember;
  readonly #options: ClusterOptions;
  readonly #log: Logger;
  #resets: ClusterResets | undefined;
  #report: ClusterReport | undefined;
  #firstNotes: CompiledRound["notes"] = [];

  private constructor(client: KubeClient, member: ClusterMember, options: ClusterOptions, log: Logger) {
    this.#client = client;
    this.#member = member;
    this.#options = options;
    this.#log = log;
  }

  /** Resolves with the API server's word, or the disk's, or after a while without either. */
  static async open(options: ClusterOptions, topology: Topology, log: Logger): Promise<ClusterSession> {
    const client = await connect({ kubeconfig: options.kubeconfig, serviceAccountFolder: options.serviceAccountFolder, log, userAgent: `flowreset-sensor/${version()}` }).catch(notConnected);
    const homes = new HomesReader(topology.homes);
    const member = await ClusterMember.open({
      client,
      node: options.node,
      fleet: options.fleet,
      nodeUid: options.kubeconfig === undefined ? nodeUidOfToken(options.serviceAccountFolder) : undefined,
      namespace: options.namespace,
      stateDirectory: options.stateDirectory,
      check: checkSignatures,
      homeOf: ([word0, word1, word2, word3]) => homes.homeOf(word0!, word1!, word2!, word3!),
      interfaces: () => topology.interfaces(),
      log,
    });
    topology.onHomes(() => member.onInterfaces());
    return new ClusterSession(client, member, options, log);
  }

  /** For readiness: why nobody can rely on this sensor yet. */
  get trouble(): string | undefined {
    return this.#member.isSynced || this.#member.source === "Disk" ? undefined : "the API server was not heard yet, and there is no state on disk";
  }

  /** What holds injection back at the start, before a Worker sees a packet; from follow() on it is kept up to date. */
  setStops(stop: StopSwitch): void {
    stop.set(Stop.ObserveOnlyFleet, this.#member.knowledge.fleet.isObserveOnly);
    stop.set(Stop.PolicyTooOld, this.#member.isTooOld);
  }

  /** What is in force at the start. */
  first(keeper: PolicyKeeper, policyReport: PolicyReport): CompiledRound {
    keeper.takeCluster(this.#member.view());
    const snapshot = this.#member.snapshot();
    const round = keeper.take(snapshot);
    policyReport.onSnapshot(snapshot, round);
    this.#firstNotes = round.notes;
    return round;
  }

  /** From now on what changes comes into force, FlowResets are run, and the cluster is told. */
  follow(parts: ClusterParts): void {
    const { keeper, board, stop, policyReport, enforce } = parts;
    const { stateDirectory } = this.#options;
    const log = this.#log;
    const member = this.#member;
    const report = new ClusterReport({ ...parts, options: this.#options, client: this.#client, member, log });
    const acted = new ActedResets(stateDirectory, (error) => log.error({ err: error }, "cannot remember which FlowResets were run: they may run again when the sensor starts again"));
    const held = new HeldEndsFile(stateDirectory, (error) => log.error({ err: error }, "cannot remember what FlowResets hold: it is let through when the sensor starts again"));
    const resets = new ClusterResets({
      keeper, board, acted, held, log,
      nowMs: () => Date.now(),
      machineStartMs: machineStartMs(),
      onResult: (result) => report.onResult(result),
      isOfNode: (address) => report.isOfNode(address),
      podAt: (address) => member.podAt(address),
    });
    this.#report = report;
    this.#resets = resets;
    report.onView(member.view());
    report.onPolicies(this.#firstNotes);
    member.follow({
      onPolicies: (snapshot) => {
        const round = keeper.take(snapshot);
        enforce(round);
        policyReport.onSnapshot(snapshot, round);
        report.onPolicies(round.notes);
      },
      onView: (view) => {
        enforce(keeper.takeCluster(view));
        resets.onView(view);
        report.onView(view);
      },
      onReset: (reset) => {
        resets.onReset(reset);
        report.onReset(reset);
      },
      onResetGone: (uid) => {
        resets.onGone(uid);
        report.onResetGone(uid);
      },
      onObserveOnly: (isObserveOnly) => stop.set(Stop.ObserveOnlyFleet, isObserveOnly),
      onTooOld: (isTooOld) => stop.set(Stop.PolicyTooOld, isTooOld),
      onStream: (data) => report.onStream(data),
      onState: () => report.onState(),
    });
    report.start();
  }

  /** An event line of a Worker. */
  onEvent(line: Uint8Array): void {
    this.#report?.onEvent(line);
  }

  register(registry: Registry): void {
    const [client, member, report, resets] = [this.#client, this.#member, this.#report, this.#resets];
    if (report !== undefined && resets !== undefined) registerClusterMetrics(registry, { client, member, report, resets });
  }

  async close(): Promise<void> {
    this.#resets?.close();
    this.#report?.close();
    await this.#member.close();
    await this.#client.close();
  }
}

function notConnected(error: unknown): never {
  throw new SensorError("BadInput", `Cannot reach the API server: ${(error as Error).message}`, "in a pod its service account must be mounted; elsewhere name a file with --kubeconfig");
}
