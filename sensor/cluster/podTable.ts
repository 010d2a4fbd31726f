/**
 * Which pod stands behind which interface of the node: the identity that policies are enforced by. An address alone
 * is none, because it is given to the next pod when its owner ends, and the API server tells of both only later.
 *
 * So a pod is bound to an interface, not to an address: to the interface that the kernel's own tables named as the
 * address's home while the API server's watch was alive, and that is neither younger than the pod's own network nor
 * older than the pod. The interface is known by index, name and hardware address together, because an index is given again. Once bound, a pod
 * keeps that interface; when the interface goes, the pod stands for nothing until the API server tells of a new
 * network of the same pod.
 */
import { isDeepStrictEqual } from "node:util";
import { CLOCK_TOLERANCE_MS, MAX_PODS } from "./limits.ts";
import type { Pod } from "./pod.ts";

/** Times of objects have whole seconds. */
const SECOND_MS = 1_000;
/** After a start a pod that has not told its address yet may own any; a kubelet tells within a second or two. */
const SETTLE_MS = 10_000;
/** New pods of which it is remembered how long they were nobody. */
const MAX_GAPS = 512;

/** What rtnetlink tells of an interface. */
export interface HostInterface {
  readonly index: number;
  readonly name: string;
  readonly hardwareAddress: string;
}

/** An interface among all that there ever were on this machine since it started. */
export type Incarnation = string;

export interface PodBinding {
  readonly uid: string;
  readonly address: string;
  readonly incarnation: Incarnation;
}

/** A pod with the interface that is its own now; 0 where none is known, so that nothing is enforced on it. */
export interface BoundPod extends Pod {
  readonly interfaceIndex: number;
}

interface Entry {
  pod: Pod;
  readonly bound: Map<string, Incarnation>;
  /** From the disk, and not heard of since. */
  isRestored: boolean;
}

interface Known {
  readonly index: number;
  /** When it appeared; 0 where it was there before us. */
  readonly sinceMs: number;
}

export interface PodTableOptions {
  /** Interface of the node behind which an address lives, by the kernel's tables; 0 where unknown. */
  readonly homeOf: (address: string) => number;
  readonly nowMs: () => number;
  /** Of the machine: whatever had its network before has it no more. 0 unless told. */
  readonly machineStartMs?: number;
}

export class PodTable {
  readonly #options: PodTableOptions;
  readonly #pods = new Map<string, Entry>();
  #interfaces = new Map<Incarnation, Known>();
  #byIndex = new Map<number, Incarnation>();
  /** When the interfaces that were there before us were seen; NaN before. */
  #firstLookMs = Number.NaN;
  /** Milliseconds from an interface to the word of whose it is, of the last new pods. */
  readonly gapsMs: number[] = [];

  constructor(options: PodTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#pods.size;
  }

  /** The API server told of this pod: it is there, and its addresses are its own. False where that is not news. */
  take(uid: string, pod: Pod): boolean {
    const known = this.#pods.get(uid);
    if (known === undefined && this.#pods.size >= MAX_PODS) return false;
    const isNews = known === undefined || known.isRestored || !isDeepStrictEqual(known.pod, pod);
    const entry = known ?? { pod, bound: new Map<string, Incarnation>(), isRestored: false };
    entry.pod = pod;
    // An address that it has no more may be another's already.
    for (const address of entry.bound.keys()) if (!pod.addresses.includes(address)) entry.bound.delete(address);
    if (entry.isRestored) this.#forgetGone(entry);
    this.#pods.set(uid, entry);
    return this.#bind(entry) || isNews;
  }

  remove(uid: string): void {
    this.#pods.delete(uid);
  }

  /** Takes those of the node's pods that found no room, as far as there is some. */
  fill(all: ReadonlyMap<string, { readonly pod: Pod }>): void {
    if (all.size <= this.#pods.size) return;
    for (const { pod } of all.values()) {
      if (this.#pods.size >= MAX_PODS) return;
      if (!this.#pods.has(pod.uid)) this.take(pod.uid, pod);
    }
  }

  /** The API server has told of every pod of the node: others are gone. */
  retain(uids: ReadonlySet<string>): void {
    for (const uid of this.#pods.keys()) if (!uids.has(uid)) this.#pods.delete(uid);
  }

  /** From the disk: bindings of the time when the API server was there. */
  restore(pods: readonly Pod[], bindings: readonly PodBinding[]): void {
    for (const pod of pods) this.#pods.set(pod.uid, { pod, bound: new Map(), isRestored: true });
    for (const { uid, address, incarnation } of bindings) this.#pods.get(uid)?.bound.set(address, incarnation);
  }

  /** Whose interfaces are there now. */
  onInterfaces(interfaces: readonly HostInterface[]): void {
    const before = this.#interfaces;
    const nowMs = this.#options.nowMs();
    const sinceMs = Number.isNaN(this.#firstLookMs) ? 0 : nowMs;
    if (sinceMs === 0) this.#firstLookMs = nowMs;
    this.#interfaces = new Map();
    this.#byIndex = new Map();
    for (const description of interfaces) {
      const incarnation = incarnationOf(description);
      this.#interfaces.set(incarnation, before.get(incarnation) ?? { index: description.index, sinceMs });
      this.#byIndex.set(description.index, incarnation);
    }
  }

  /** Time has passed, or homes have changed, while the watch is alive: true where a pod has got its interface. */
  bind(): boolean {
    let changed = false;
    for (const entry of this.#pods.values()) if (this.#bind(entry)) changed = true;
    return changed;
  }

  /** Addresses of pods without an interface of which the kernel does not know where they live. */
  homeless(): string[] {
    return [...this.#pods.values()].flatMap(({ pod, bound }) => pod.addresses.filter((address) => !bound.has(address) && this.#options.homeOf(address) === 0));
  }

  bindings(): PodBinding[] {
    return [...this.#pods].flatMap(([uid, { bound }]) => [...bound].map(([address, incarnation]) => ({ uid, address, incarnation })));
  }

  /** Of two that had the address the one that shows at its interface; undefined where it is no pod's of this node. */
  ownerOf(address: string): Pod | undefined {
    let owner: Pod | undefined;
    for (const { pod, bound } of this.#pods.values()) {
      const incarnation = bound.get(address);
      if (incarnation === undefined) continue;
      if (this.#liveIndex(incarnation, address) !== 0) return pod;
      owner ??= pod;
    }
    return owner;
  }

  pods(): BoundPod[] {
    const owners = new Map<Incarnation, number>();
    for (const { bound } of this.#pods.values()) for (const incarnation of new Set(bound.values())) owners.set(incarnation, (owners.get(incarnation) ?? 0) + 1);
    return [...this.#pods.values()].map(({ pod, bound }) => this.#boundPod(pod, bound, owners));
  }

  /** Only addresses at the pod's one interface count; of an interface that two pods claim neither is the owner. */
  #boundPod(pod: Pod, bound: ReadonlyMap<string, Incarnation>, owners: ReadonlyMap<Incarnation, number>): BoundPod {
    const first = pod.addresses.find((address) => this.#liveIndex(bound.get(address), address) !== 0);
    const incarnation = first === undefined ? undefined : bound.get(first);
    if (incarnation === undefined || owners.get(incarnation)! > 1) return { ...pod, interfaceIndex: 0 };
    const addresses = pod.addresses.filter((address) => bound.get(address) === incarnation && this.#liveIndex(incarnation, address) !== 0);
    return { ...pod, addresses, interfaceIndex: this.#interfaces.get(incarnation)!.index };
  }

  /** 0 where the interface is gone, or the kernel says now that the address lives elsewhere. */
  #liveIndex(incarnation: Incarnation | undefined, address: string): number {
    const index = incarnation === undefined ? 0 : (this.#interfaces.get(incarnation)?.index ?? 0);
    const home = this.#options.homeOf(address);
    return home === 0 || home === index ? index : 0;
  }

  /** It may have got another network while no sensor ran. */
  #forgetGone(entry: Entry): void {
    entry.isRestored = false;
    for (const [address, incarnation] of entry.bound) if (!this.#interfaces.has(incarnation)) entry.bound.delete(address);
  }

  #bind({ pod, bound }: Entry): boolean {
    let changed = false;
    for (const address of pod.addresses) {
      const incarnation = this.#byIndex.get(this.#options.homeOf(address));
      if (incarnation === undefined || incarnation === bound.get(address)) continue;
      const { sinceMs } = this.#interfaces.get(incarnation)!;
      if (sinceMs === 0 ? bound.has(address) || this.#isOfBefore(pod) || this.#isUnsettled() : pod.networkReadyMs + SECOND_MS < sinceMs || sinceMs < (pod.startedMs ?? 0)) continue;
      if (bound.size === 0 && sinceMs !== 0) this.#noteGap(this.#options.nowMs() - sinceMs);
      bound.set(address, incarnation);
      changed = true;
    }
    return changed;
  }

  #noteGap(gapMs: number): void {
    if (this.gapsMs.push(gapMs) > MAX_GAPS) this.gapsMs.shift();
  }

  /** What is told of it is of an earlier start of the machine: its sandbox is another by now, and so may its address be. */
  #isOfBefore({ networkReadyMs }: Pod): boolean {
    return networkReadyMs !== 0 && networkReadyMs + CLOCK_TOLERANCE_MS < (this.#options.machineStartMs ?? 0);
  }

  /** A pod of the node has not told its address: what was there before us may be its own. */
  #isUnsettled(): boolean {
    if (this.#options.nowMs() - this.#firstLookMs >= SETTLE_MS) return false;
    return [...this.#pods.values()].some(({ pod }) => pod.addresses.length === 0);
  }
}

export function incarnationOf({ index, name, hardwareAddress }: HostInterface): Incarnation {
  return `${index} ${name} ${hardwareAddress}`;
}
