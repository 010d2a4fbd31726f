/**
 * Which interface is a pod's own. The API server tells addresses and rtnetlink tells where addresses live, each in its
 * own time, and the address of a pod that is gone is soon another's. So a pod is bound to an interface once and for
 * ever, an interface to one pod for ever (its number is never given twice), and where the two stories can be joined in
 * more than one way nobody is bound:
 *
 * - an interface that appeared after a pod's address was known is not that pod's;
 * - of several interfaces that the address had, the first that nobody owns is the pod's, unless it went before the
 *   kubelet began with the pod;
 * - while the sensor starts, or the API server comes back, a pod of this node that has not told its address yet may be the true owner of any: what
 *   was there before is believed when it has told, or after SETTLE_MS.
 *
 * Time is Unix milliseconds of this node, the kubelet's clock. Pure.
 */
import type { PodIdentity } from "./clusterView.ts";

/** A pod of this node that is neither finished nor deleting nor in the host's network; without addresses at first. */
export interface LocalPod extends Omit<PodIdentity, "interfaceIndex"> {
  /** Its status.startTime, when the kubelet began with it. */
  readonly startedMs?: number | undefined;
}

/** A kubelet tells within a second or two what became of a pod. */
const SETTLE_MS = 10_000;
/** status.startTime has whole seconds. */
const START_TIME_MS = 1_000;
/** Homes of one address that are remembered, and for how long after their interface went. */
const MAX_HOMES = 16;
const REMEMBER_MS = 600_000;
const MAX_GONE = 16_384;

interface Interface {
  /** Place in the order of all that was heard. */
  readonly at: number;
  /** Of the pod that it belongs to for ever. */
  owner: string | undefined;
  /** When it went; Infinity while it is there. */
  goneMs: number;
}

interface Known {
  pod: LocalPod;
  /** When each address was heard of. */
  readonly addressAt: Map<string, number>;
  /** When the pod had its first address. */
  learntMs: number;
  bound: number;
}

export class PodBindings {
  readonly #interfaces = new Map<number, Interface>();
  /** Interfaces behind which each address was at home, in that order. */
  readonly #homes = new Map<string, number[]>();
  #known = new Map<string, Known>();
  /** Uids of pods that were there, the oldest first. */
  readonly #gone = new Set<string>();
  /** Place of the last list that may tell of what was there before: the first one, and that after a silence. */
  #startAt = -1;
  #wasLive = false;
  #clock = 0;

  /** Bindings of the last sync, from before a restart; call with what rtnetlink says now, before any pods. */
  restore(pods: readonly PodIdentity[]): void {
    for (const { interfaceIndex, ...pod } of pods) {
      const found = this.#interfaces.get(interfaceIndex);
      if (found === undefined || found.owner !== undefined) continue;
      found.owner = pod.uid;
      this.#known.set(pod.uid, { pod, addressAt: new Map(pod.addresses.map((address) => [address, 0])), learntMs: 0, bound: interfaceIndex });
    }
  }

  /** All interfaces that there are, and the one behind which each pod address lives. */
  takeInterfaces(indexes: Iterable<number>, homes: ReadonlyMap<string, number>, nowMs: number): void {
    const at = ++this.#clock;
    const present = new Set(indexes);
    for (const index of present) if (!this.#interfaces.has(index)) this.#interfaces.set(index, { at, owner: undefined, goneMs: Infinity });
    for (const [index, known] of this.#interfaces) {
      if (!present.has(index)) known.goneMs = Math.min(known.goneMs, nowMs);
      if (known.goneMs + REMEMBER_MS < nowMs) this.#interfaces.delete(index);
    }
    for (const [address, index] of homes) this.#noteHome(address, index);
    for (const [address, list] of this.#homes) {
      const left = list.filter((index) => this.#interfaces.has(index));
      if (left.length === 0) this.#homes.delete(address);
      else if (left.length < list.length) this.#homes.set(address, left);
    }
  }

  /** All pods of this node. `isLive`: the API server answers; without it nothing new is believed. */
  takePods(pods: readonly LocalPod[], isLive: boolean, nowMs: number): void {
    const wasLive = this.#wasLive;
    this.#wasLive = isLive;
    if (!isLive) return;
    const at = ++this.#clock;
    if (!wasLive) this.#startAt = at;
    const known = new Map<string, Known>();
    for (const pod of pods) {
      // Whoever has gone does not come back: a list that says so is older than another.
      if (this.#gone.has(pod.uid)) continue;
      const before = this.#known.get(pod.uid);
      const now: Known = before ?? { pod, addressAt: new Map(), learntMs: nowMs, bound: 0 };
      if (now.addressAt.size === 0) now.learntMs = nowMs;
      now.pod = pod;
      for (const address of pod.addresses) if (!now.addressAt.has(address)) now.addressAt.set(address, at);
      known.set(pod.uid, now);
    }
    for (const uid of this.#known.keys()) if (!known.has(uid)) this.#remember(uid);
    this.#known = known;
    this.bind(nowMs);
  }

  /** Joins what can be joined now; true where a pod was bound. Call it after either side has told something. */
  bind(nowMs: number): boolean {
    let changed = false;
    for (const known of this.#known.values()) {
      if (known.bound !== 0) continue;
      const index = this.#ownerOf(known, nowMs);
      if (index === 0) continue;
      known.bound = index;
      this.#interfaces.get(index)!.owner = known.pod.uid;
      changed = true;
    }
    return changed;
  }

  /** True while a pod waits for others to tell their addresses: call bind() again. */
  get isSettling(): boolean {
    return [...this.#known.values()].some((known) => known.bound === 0 && known.pod.addresses.length > 0);
  }

  /** The pods with an address; interfaceIndex 0 where none is certain, or theirs is gone. */
  get pods(): PodIdentity[] {
    const list = [...this.#known.values()].filter(({ pod }) => pod.addresses.length > 0);
    return list.map(({ pod: { uid, namespace, name, labels, serviceAccount, addresses }, bound }) => {
      const interfaceIndex = this.#interfaces.get(bound)?.goneMs === Infinity ? bound : 0;
      return { uid, namespace, name, labels, serviceAccount, addresses, interfaceIndex };
    });
  }

  #remember(uid: string): void {
    this.#gone.add(uid);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= MAX_GONE) return;
      this.#gone.delete(oldest);
    }
  }

  #noteHome(address: string, index: number): void {
    if (!this.#interfaces.has(index)) return;
    const list = this.#homes.get(address);
    if (list === undefined) this.#homes.set(address, [index]);
    else if (!list.includes(index)) {
      list.push(index);
      if (list.length > MAX_HOMES) list.shift();
    }
  }

  /** The interface that must be the pod's; 0 where none is, or another may be. */
  #ownerOf({ pod, addressAt, learntMs }: Known, nowMs: number): number {
    let found = 0;
    for (const address of pod.addresses) {
      const at = addressAt.get(address)!;
      const index = this.#firstHome(address, at, pod);
      if (index === 0) continue;
      if (found !== 0 && found !== index) return 0;
      found = index;
      if (this.#isClaimedTwice(address, pod.uid)) return 0;
      if (at <= this.#startAt && nowMs < learntMs + SETTLE_MS && this.#someoneIsSilent()) return 0;
    }
    return found;
  }

  #firstHome(address: string, at: number, pod: LocalPod): number {
    for (const index of this.#homes.get(address) ?? []) {
      const home = this.#interfaces.get(index);
      if (home === undefined || home.owner !== undefined || home.at > at) continue;
      if (pod.startedMs !== undefined && home.goneMs < pod.startedMs - START_TIME_MS) continue;
      return index;
    }
    return 0;
  }

  /** Another pod that is bound nowhere says the same of itself. */
  #isClaimedTwice(address: string, uid: string): boolean {
    return [...this.#known.values()].some(({ pod, bound }) => bound === 0 && pod.uid !== uid && pod.addresses.includes(address));
  }

  #someoneIsSilent(): boolean {
    return [...this.#known.values()].some(({ pod }) => pod.addresses.length === 0);
  }
}
