/** Follows the machine's interfaces and who lives behind them, on the main thread. */
import { loadNative } from "../native/mod.ts";
import type { Native } from "../native/mod.ts";
import { createHomes, HomesWriter } from "./homes.ts";
import { describeInterfaces } from "./interfaces.ts";
import type { NetworkInterface } from "./interfaces.ts";
import { NamespaceAddresses } from "./namespaceAddresses.ts";
import { localPrefixes } from "./localPrefixes.ts";
import type { LocalPrefix } from "./localPrefixes.ts";
import type { NetworkState } from "./networkState.ts";
import { placeAddresses, podHomes } from "./placement.ts";
import type { Placement, PodHome } from "./placement.ts";
import { NetlinkSession } from "./session.ts";
import { formatAddress } from "../decode/mod.ts";

/** How late a change is known at most. A look costs one system call. */
const POLL_INTERVAL_MS = 20;
/** The whole picture is asked for anew so often, to mend what no event has told. */
const RESYNC_INTERVAL_MS = 60_000;

export interface TopologyOptions {
  /** Called once, when following has ended by a fault; the last picture stays. */
  readonly onFault?: (error: Error) => void;
  /** Only behind these interfaces an address is at home; what is not captured must not be believed in. All unless told. */
  readonly isCaptured?: (name: string) => boolean;
  /** Interfaces that show copies of others' packets: nobody lives behind them. None unless told. */
  readonly isMirror?: (name: string) => boolean;
  readonly native?: Native;
}

export interface TopologyStatistics {
  /** Changes heard of. */
  events: number;
  /** Times that changes were lost and the whole picture was asked for again. */
  overruns: number;
  /** Datagrams whose lengths did not fit. */
  malformed: number;
  /** Entries and addresses beyond the limits, now. */
  refused: number;
  /** Addresses with a home behind a pod's interface, now. */
  homes: number;
}

export class Topology {
  /** For `new HomesReader(...)` in any thread. */
  readonly homes: SharedArrayBuffer = createHomes();
  readonly #options: TopologyOptions;
  readonly #session: NetlinkSession;
  readonly #writer = new HomesWriter(this.homes);
  readonly #listeners: (() => void)[] = [];
  readonly #podListeners: (() => void)[] = [];
  readonly #homeListeners: (() => void)[] = [];
  #pods: readonly PodHome[] = [];
  #state: NetworkState;
  #interfaces: readonly NetworkInterface[] = [];
  #placements: readonly Placement[] = [];
  #localPrefixes: readonly LocalPrefix[] = [];
  #fingerprint = "";
  #timer: NodeJS.Timeout | undefined;
  readonly #namespaces: NamespaceAddresses;
  /** Something has changed that is not published. */
  #isStale = false;
  #nextPublishMs = 0;
  #nextResyncMs = performance.now() + RESYNC_INTERVAL_MS;
  #events = 0;
  #overruns = 0;
  #refusedHomes = 0;

  /** Reads the whole picture and follows it from then on. @throws where the kernel does not give it. */
  static async start(options: TopologyOptions = {}): Promise<Topology> {
    return new Topology(options);
  }

  private constructor(options: TopologyOptions) {
    this.#options = options;
    this.#session = new NetlinkSession(options.native ?? loadNative());
    this.#namespaces = new NamespaceAddresses((namespace) => this.#session.addressesOf(namespace));
    try {
      this.#state = this.#session.dump();
      this.#publish();
      if (this.#askPods()) this.#publish();
    } catch (error) {
      this.#session.close();
      throw error;
    }
    this.#timer = setInterval(() => this.#poll(), POLL_INTERVAL_MS).unref();
  }

  /** By index. A new array after every change. */
  interfaces(): readonly NetworkInterface[] {
    return this.#interfaces;
  }

  /** Addresses with several parties behind them: this machine's own, next hops, far ends of tunnels. */
  sharedAddresses(): string[] {
    const shared = this.#placements.filter(({ local, gateway }) => local || gateway);
    return shared.map(({ words }) => formatAddress(words[0]!, words[1]!, words[2]!, words[3]!));
  }

  /** Pods' own IPv4 addresses, each with the interface behind which it lives. A new array after every change. */
  pods(): readonly PodHome[] {
    return this.#pods;
  }

  /** Called after the list of pods has changed. */
  onPods(listener: () => void): void {
    this.#podListeners.push(listener);
  }

  /** Called whenever homes may have changed: often, and before the other listeners. */
  onHomes(listener: () => void): void {
    this.#homeListeners.push(listener);
  }

  /** This machine's addresses and its pods': where its bridges have their networks, those as a whole. */
  localPrefixes(): readonly LocalPrefix[] {
    return this.#localPrefixes;
  }

  /** Called after the list of interfaces or the local addresses have changed (not for homes: those change under the reader). */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  statistics(): TopologyStatistics {
    return {
      events: this.#events,
      overruns: this.#overruns,
      malformed: this.#session.malformed,
      refused: this.#state.refused + this.#refusedHomes,
      homes: this.#placements.filter(({ home, local }) => home !== 0 && !local).length,
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#session.close();
  }

  #poll(): void {
    try {
      if (this.#follow()) this.#isStale = true;
      if (this.#isStale && performance.now() >= this.#nextPublishMs) this.#publish();
      if (this.#askPods()) this.#isStale = true;
    } catch (error) {
      this.close();
      this.#options.onFault?.(error as Error);
    }
  }

  /** True where something may have changed. */
  #follow(): boolean {
    let changed = false;
    const outcome = this.#session.drain((message) => {
      this.#events++;
      if (this.#state.apply(message)) changed = true;
    });
    if (outcome === "lost") this.#overruns++;
    if (outcome !== "lost" && performance.now() < this.#nextResyncMs) return changed;
    this.#nextResyncMs = performance.now() + RESYNC_INTERVAL_MS;
    this.#state = this.#session.dump();
    return true;
  }

  /** True where a pod has got or lost an address. */
  #askPods(): boolean {
    const pods = this.#interfaces.filter(({ kind }) => kind === "Pod").map(({ index }) => this.#state.links.get(index));
    return this.#namespaces.follow(pods.filter((link) => link !== undefined), performance.now());
  }

  #publish(): void {
    const beganMs = performance.now();
    this.#isStale = false;
    const { isMirror, isCaptured } = this.#options;
    this.#interfaces = describeInterfaces(this.#state, isMirror);
    const believed = isCaptured === undefined ? this.#interfaces : this.#interfaces.filter(({ name }) => isCaptured(name));
    const { placements, refused } = placeAddresses(this.#state, believed, this.#namespaces.claims);
    this.#placements = placements;
    this.#localPrefixes = localPrefixes(this.#state, this.#interfaces, placements);
    this.#refusedHomes = refused;
    const pods = podHomes(believed, placements);
    const podsChanged = JSON.stringify(pods) !== JSON.stringify(this.#pods);
    this.#pods = pods;
    this.#writer.publish(this.#interfaces, placements);
    // A network of many thousand addresses that never rests takes a fifth of this thread at most.
    this.#nextPublishMs = performance.now() + 4 * (performance.now() - beganMs);
    for (const listener of this.#homeListeners) listener();
    if (podsChanged) for (const listener of this.#podListeners) listener();
    const fingerprint = JSON.stringify([this.#interfaces, this.#localPrefixes.map(({ words, prefixLength }) => [...words, prefixLength])]);
    if (fingerprint === this.#fingerprint) return;
    const first = this.#fingerprint === "";
    this.#fingerprint = fingerprint;
    if (!first) for (const listener of this.#listeners) listener();
  }
}
