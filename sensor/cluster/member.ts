/**
 * This sensor as a member of its cluster: follows the API server and the node's interfaces, and tells what is in force,
 * who the pods are, and what is to be reset. While the API server is away it goes on with what it knew last; where it
 * starts so, with what the disk keeps.
 */
import { setTimeout as after } from "node:timers/promises";
import type { KubeClient, KubeObject, Log, ReflectorEvent } from "../../kube/mod.ts";
import type { ClusterView } from "../decide/mod.ts";
import type { PolicySnapshot } from "../policy/mod.ts";
import { Contact } from "./contact.ts";
import { Debounce } from "./debounce.ts";
import { HomeFinder } from "./homeFinder.ts";
import { isSameView, Knowledge } from "./knowledge.ts";
import type { KnowledgeOptions } from "./knowledge.ts";
import type { ObjectFailure } from "./lastGood.ts";
import { MAX_FAILURES, POD_LONGEST_MS, POD_QUIET_MS, POLICY_LONGEST_MS, POLICY_QUIET_MS, STATE_LONGEST_MS, STATE_QUIET_MS, STATE_TOUCH_MS } from "./limits.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import { ObservedVersion } from "./observedVersion.ts";
import type { Pod } from "./pod.ts";
import { ResetQueue } from "./resetQueue.ts";
import type { ClusterReset } from "./resetQueue.ts";
import { StateFile } from "./stateFile.ts";
import { ServicePoll } from "./surroundings.ts";
import { createWatches } from "./watches.ts";
import type { KeptConfigMap, KeptNode, KeptPod, Watches } from "./watches.ts";

/**
 * How long a start waits for the API server: hardly where the state on disk is of minutes ago, as after a crash or with
 * a new version; longer where what it says may have been taken back long since; longest where there is none.
 */
const FIRST_SYNC_MS = { recent: 250, old: 2_000, absent: 10_000 } as const;
/** The time of the last contact is written at least so often, and then some. */
const RECENT_STATE_MS = 2 * STATE_TOUCH_MS;
/** Looks at how old the policy is. */
const AGE_LOOK_MS = 1_000;

export interface ClusterMemberOptions extends KnowledgeOptions {
  readonly client: KubeClient;
  /** The operator's, and this pod's own. */
  readonly namespace: string;
  /** On the node's disk; undefined: nothing is kept. */
  readonly stateDirectory: string | undefined;
  readonly log: Log;
}

export interface ClusterListeners {
  readonly onPolicies: (snapshot: PolicySnapshot) => void;
  readonly onView: (view: ClusterView) => void;
  readonly onReset: (reset: ClusterReset) => void;
  /** Deleted, or finished: what it holds ends. */
  readonly onResetGone: (uid: string) => void;
  readonly onObserveOnly: (isObserveOnly: boolean) => void;
  /** The API server has been silent for longer than maxPolicyAge, or is heard again. */
  readonly onTooOld: (isTooOld: boolean) => void;
  /** Where the report stream goes. */
  readonly onStream: (data: Readonly<Record<string, string>> | undefined) => void;
  readonly onState: () => void;
}

export class ClusterMember {
  readonly knowledge: Knowledge;
  readonly watches: Watches;
  readonly observedPolicies: ObservedVersion;
  readonly observedResets: ObservedVersion;
  /** Where the state was taken from at the start. */
  source: "ApiServer" | "Disk" | "Nothing" = "Nothing";
  stateFault: string | undefined;
  servicesFault: Error | undefined;
  readonly #options: ClusterMemberOptions;
  readonly #file: StateFile | undefined;
  readonly #resets = new ResetQueue();
  readonly #neighbourhood: Neighbourhood;
  readonly #services: ServicePoll;
  readonly #homes = new HomeFinder({ nowMs: () => performance.now() });
  readonly #compileSoon = new Debounce(() => this.#tellPolicies(), POLICY_QUIET_MS, POLICY_LONGEST_MS);
  readonly #viewSoon = new Debounce(() => this.#tellView(), POD_QUIET_MS, POD_LONGEST_MS);
  readonly #saveSoon = new Debounce(() => void this.#save(), STATE_QUIET_MS, STATE_LONGEST_MS);
  #listeners: ClusterListeners | undefined;
  readonly #contact = new Contact({ wallMs: () => Date.now(), monotonicMs: () => performance.now() });
  /** Undefined: whatever the next view says is news. */
  #toldView: ClusterView | undefined;
  /** Of the settings that the last snapshot had. */
  #toldSettings = "";
  #wasLive = false;
  #wasTooOld = false;
  #saving = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #savedMs = 0;

  private constructor(options: ClusterMemberOptions) {
    const { client, node, fleet, namespace, log } = options;
    this.#options = options;
    this.#file = options.stateDirectory === undefined ? undefined : new StateFile(options.stateDirectory);
    this.watches = createWatches({
      client, node, fleet, namespace, log,
      onObject: (event) => this.#onObject(event),
      onReset: (event) => this.#onReset(event),
      onFleet: (event) => this.#onFleet(event),
      onPod: (event) => this.#onPod(event),
      onNamespace: (event) => this.#onNamespace(event),
      onNode: (event) => this.#onNode(event),
      onStream: (event) => this.#onStream(event),
      onEndpoints: () => {
        this.#viewSoon.poke();
        this.#saveSoon.poke();
      },
      onSynced: () => this.#onSynced(),
      onState: () => this.#onState(),
    });
    const { policies, clusterPolicies, flowResets, clusterFlowResets } = this.watches;
    this.observedPolicies = new ObservedVersion([policies, clusterPolicies], () => this.#compileSoon.sinceMs);
    this.observedResets = new ObservedVersion([flowResets, clusterFlowResets], () => (this.#resets.isEmpty ? Infinity : -Infinity));
    this.#neighbourhood = new Neighbourhood(this.watches, client.server);
    this.#services = new ServicePoll(
      client,
      (facts) => {
        const wasKnown = this.#neighbourhood.isKnown;
        this.#neighbourhood.services = facts;
        this.#saveSoon.poke();
        if (wasKnown) this.#viewSoon.poke();
        else this.#onSynced();
      },
      (fault) => {
        this.servicesFault = fault;
        this.#listeners?.onState();
      },
    );
    this.knowledge = new Knowledge(options, this.#neighbourhood);
  }

  /** Follows from now on; resolves when there is something to go on with, or the wait for it has been long enough. */
  static async open(options: ClusterMemberOptions): Promise<ClusterMember> {
    const member = new ClusterMember(options);
    const restored = await member.#restore();
    for (const watch of Object.values(member.watches)) watch.start();
    member.#services.start();
    member.#timer = setInterval(() => member.#look(), AGE_LOOK_MS).unref();
    const age = !restored ? "absent" : member.#contact.ageMs <= RECENT_STATE_MS ? "recent" : "old";
    const deadlineMs = performance.now() + FIRST_SYNC_MS[age];
    while (!member.isSynced && performance.now() < deadlineMs) await after(5);
    if (member.isSynced) member.source = "ApiServer";
    else options.log.warn({ from: member.source }, restored ? "the API server has not answered yet: going on with the state on disk" : "the API server does not answer, and there is no state on disk: nothing is enforced until it does");
    return member;
  }

  /** Tells what is there at once, and each change from then on. */
  follow(listeners: ClusterListeners): void {
    this.#listeners = listeners;
    this.#toldView = undefined;
    listeners.onObserveOnly(this.knowledge.fleet.isObserveOnly);
    this.#look();
    listeners.onTooOld(this.#wasTooOld);
    if (this.#neighbourhood.stream !== undefined) listeners.onStream(this.#neighbourhood.stream);
    this.#compileSoon.poke();
    this.#viewSoon.poke();
    this.#runResets();
  }

  /** Everything that enforcement needs was told at least once. */
  get isSynced(): boolean {
    const { policies, clusterPolicies, fleet, pods, namespaces, node } = this.watches;
    return this.#neighbourhood.isKnown && [policies, clusterPolicies, fleet, pods, namespaces, node].every(({ isSynced }) => isSynced);
  }

  /** The pods' watch is open: what it has not told has not happened. */
  get isLive(): boolean {
    return this.watches.pods.state.connected;
  }

  get isTooOld(): boolean {
    this.#noteContact();
    return this.#contact.ageMs > this.knowledge.fleet.maxPolicyAgeMs;
  }

  /** When the API server was last heard about policies, by all watches that they need; milliseconds since 1970. */
  get contactMs(): number {
    this.#noteContact();
    return this.#contact.atMs;
  }

  /** Objects that are not in force as they stand, each with the field at fault. */
  failures(): ObjectFailure[] {
    const { fleet, policies } = this.knowledge;
    return [...fleet.failures(), ...policies.failures(), ...this.#resets.failures()].slice(0, MAX_FAILURES);
  }

  snapshot(): PolicySnapshot {
    this.#toldSettings = this.#settingsNow();
    return this.knowledge.snapshot();
  }

  view(): ClusterView {
    return this.knowledge.view(this.isLive);
  }

  /** The pod of this node that has the address at its interface. */
  podAt(address: string): Pod | undefined {
    return this.knowledge.pods.ownerOf(address);
  }

  /** Interfaces, or who lives behind them, have changed. */
  onInterfaces(): void {
    const { pods } = this.knowledge;
    pods.onInterfaces(this.#options.interfaces());
    if (this.isLive) pods.bind();
    this.#viewSoon.poke();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#services.close();
    this.#homes.close();
    for (const soon of [this.#compileSoon, this.#viewSoon, this.#saveSoon]) soon.close();
    await Promise.all(Object.values(this.watches).map((watch) => watch.close()));
    await this.#save();
  }

  #noteContact(): void {
    const { policies, clusterPolicies, fleet } = this.watches;
    const heardMs = Math.min(...[policies, clusterPolicies, fleet].map(({ state }) => state.lastContactMs));
    if (heardMs > 0) this.#contact.note(heardMs);
  }

  #onObject(event: ReflectorEvent): void {
    const { policies } = this.knowledge;
    const changed = event.type === "Deleted" ? policies.remove(event.object) : policies.take(event.object);
    if (changed) this.#compileSoon.poke();
    if (changed) this.#saveSoon.poke();
  }

  #onFleet({ type, object }: ReflectorEvent): void {
    // Its sensors end with it; until then they go on as it last said.
    if (type === "Deleted") return;
    const { fleet } = this.knowledge;
    const was = fleet.isObserveOnly;
    const changed = fleet.take(object);
    const isSwitched = fleet.isObserveOnly !== was;
    if (isSwitched) this.#listeners?.onObserveOnly(fleet.isObserveOnly);
    if (changed || isSwitched) this.#saveSoon.poke();
    // A sensor that starts again without an API server must not have forgotten the emergency stop.
    if (isSwitched) this.#saveSoon.flush();
    if (!changed) return;
    this.#toldView = undefined;
    this.#viewSoon.poke();
    this.#compileSoon.poke();
    // What is protected now must be so before the next FlowReset is run.
    this.#compileSoon.flush();
  }

  #onReset(event: ReflectorEvent): void {
    const gone = this.#resets.take(event);
    if (gone === undefined) this.#runResets();
    else this.#listeners?.onResetGone(gone);
  }

  /** FlowResets wait for the pods that they may name, and for the Workers. */
  #runResets(): void {
    if (this.#listeners === undefined || !this.isSynced) return;
    for (let reset = this.#resets.next(); reset !== undefined; reset = this.#resets.next()) {
      this.#viewSoon.flush();
      // What is protected may have become known, or another, while nobody followed.
      if (this.#toldSettings !== this.#settingsNow()) this.#tellPolicies();
      this.#listeners.onReset(reset);
    }
  }

  #onPod({ type, object }: ReflectorEvent<KeptPod>): void {
    const { pods } = this.knowledge;
    if (type === "Deleted") {
      pods.remove(object.pod.uid);
      pods.fill(this.watches.pods.objects as ReadonlyMap<string, KeptPod>);
    }
    // A kubelet writes a status several times while a pod starts, and most of it is nobody's business here.
    else if (!pods.take(object.pod.uid, object.pod)) return;
    this.#viewSoon.poke();
    this.#saveSoon.poke();
  }

  #onNamespace({ type, object }: ReflectorEvent): void {
    const { name, labels = {} } = object.metadata;
    if (type === "Deleted") this.knowledge.removeNamespace(name, this.watches.namespaces.objects);
    else this.knowledge.nameNamespace(name, labels);
    this.#viewSoon.poke();
    this.#saveSoon.poke();
  }

  #onNode({ type, object }: ReflectorEvent<KeptNode>): void {
    if (type === "Deleted") return;
    this.knowledge.node = { uid: object.metadata.uid ?? "", labels: object.metadata.labels ?? {}, addresses: object.addresses };
    this.#viewSoon.poke();
    this.#saveSoon.poke();
  }

  #onStream({ type, object }: ReflectorEvent<KeptConfigMap>): void {
    this.#neighbourhood.stream = type === "Deleted" ? undefined : object.data;
    this.#listeners?.onStream(this.#neighbourhood.stream);
    this.#viewSoon.poke();
  }

  /** After a first list what the disk knew and the API server does not is gone. */
  #onSynced(): void {
    const { policies, clusterPolicies, pods, namespaces } = this.watches;
    const { knowledge } = this;
    if (policies.isSynced) knowledge.policies.retain(["ResponsePolicy"], uidsOf(policies.objects));
    if (clusterPolicies.isSynced) knowledge.policies.retain(["ClusterResponsePolicy"], uidsOf(clusterPolicies.objects));
    if (pods.isSynced) {
      knowledge.pods.retain(uidsOf(pods.objects));
      knowledge.pods.fill(pods.objects as ReadonlyMap<string, KeptPod>);
    }
    if (namespaces.isSynced) knowledge.retainNamespaces(namespaces.objects);
    this.#compileSoon.poke();
    this.#viewSoon.poke();
    this.#saveSoon.poke();
    this.#runResets();
  }

  #onState(): void {
    if (this.isLive !== this.#wasLive) {
      this.#wasLive = this.isLive;
      if (this.isLive) this.knowledge.pods.bind();
      this.#viewSoon.poke();
    }
    this.#listeners?.onState();
  }

  #look(): void {
    if (this.isTooOld !== this.#wasTooOld) {
      this.#wasTooOld = this.isTooOld;
      const [level, words] = this.#wasTooOld ? (["error", "the API server has been silent for longer than maxPolicyAge: nothing is enforced"] as const) : (["info", "the API server is heard: what is in force is of today"] as const);
      this.#options.log[level]({ lastContact: new Date(this.contactMs).toISOString() }, words);
      this.#listeners?.onTooOld(this.#wasTooOld);
    }
    if (this.isLive && this.knowledge.pods.bind()) this.#viewSoon.poke();
    this.#homes.ask(this.knowledge.pods.homeless());
    if (Date.now() - this.#savedMs > STATE_TOUCH_MS && this.isSynced) this.#saveSoon.poke();
  }

  #settingsNow(): string {
    return `${this.knowledge.fleet.settings()?.fingerprint ?? "none"} ${this.#neighbourhood.isKnown}`;
  }

  #tellPolicies(): void {
    this.#listeners?.onPolicies(this.snapshot());
  }

  #tellView(): void {
    this.#homes.ask(this.knowledge.pods.homeless());
    const view = this.view();
    // A neighbour that is heard again pokes as well: each view told makes Workers look at all their connections anew.
    if (this.#toldView !== undefined && isSameView(this.#toldView, view)) return;
    this.#toldView = view;
    this.#options.log.debug({ pods: view.pods.length, bound: view.pods.filter(({ interfaceIndex }) => interfaceIndex !== 0).length, live: view.isLive }, "pods known");
    this.#listeners?.onView(view);
  }

  /** True where the disk had a state of this node. */
  async #restore(): Promise<boolean> {
    if (this.#file === undefined) return false;
    const reading = await this.#file.read();
    if ("absent" in reading) return false;
    const fault = "fault" in reading ? reading.fault : this.knowledge.restore(reading.state);
    if ("fault" in reading || fault !== undefined) {
      this.stateFault = fault;
      this.#options.log.error({ file: this.#file.path }, `${fault}; it is ignored`);
      return false;
    }
    this.#contact.note(reading.state.contactMs);
    this.source = "Disk";
    return true;
  }

  /** Nothing is written before everything was heard: a state half known is worse than the old one. */
  async #save(): Promise<void> {
    const file = this.#file;
    if (file === undefined || !this.isSynced) return;
    // One at a time, however slow the disk is: two would write into the same new file.
    this.#saving = this.#saving.then(() => this.#write(file));
    await this.#saving;
  }

  async #write(file: StateFile): Promise<void> {
    this.#savedMs = Date.now();
    try {
      await file.write(this.knowledge.state(this.contactMs));
      this.stateFault = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (this.stateFault !== message) this.#options.log.error({ err: error }, "the state cannot be kept on disk: without an API server this sensor would start with an older one");
      this.stateFault = message;
    }
  }
}

function uidsOf(objects: ReadonlyMap<string, KubeObject>): Set<string> {
  return new Set([...objects.values()].map(({ metadata }) => metadata.uid ?? ""));
}
