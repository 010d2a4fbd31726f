/**
 * Numbers of pods, the same from one compiled policy to the next while the pod, its interface and its labels stay: by
 * them a flow remembers whose it was. A pod that is labelled anew gets another number; its old one keeps its old labels
 * for a while, so that its flows can tell what selects them now and did not before.
 */
import { MAX_OWNERS, Owner } from "../../detect/mod.ts";
import { MAX_PODS } from "../limits.ts";
import type { ClusterView, PodIdentity } from "./clusterView.ts";

/** Pods that are gone, or were labelled otherwise, and are remembered; the oldest is forgotten first. */
const MAX_PAST = 1_024;

export interface NumberedPod {
  readonly number: number;
  readonly pod: PodIdentity;
}

export class OwnerNumbers {
  /** Order of keys: as they were last present, the longest gone first. */
  readonly #numbers = new Map<string, NumberedPod>();
  readonly #free: number[] = [];
  #next: number = Owner.FirstPod;

  /** Numbers for the pods that there are, and those of the past that are remembered; pods beyond MAX_PODS get none. */
  number(view: ClusterView): { present: NumberedPod[]; past: NumberedPod[] } {
    const present: NumberedPod[] = [];
    const keys = new Set<string>();
    for (const pod of view.pods.slice(0, MAX_PODS)) {
      const key = keyOf(pod, view);
      if (keys.has(key)) continue;
      keys.add(key);
      const known = this.#numbers.get(key) ?? { number: this.#take(), pod };
      this.#numbers.delete(key);
      this.#numbers.set(key, known);
      present.push({ number: known.number, pod });
    }
    this.#forget(keys);
    const past = [...this.#numbers].filter(([key]) => !keys.has(key)).map(([, numbered]) => numbered);
    return { present, past };
  }

  #take(): number {
    const number = this.#free.shift() ?? this.#next++;
    if (number >= MAX_OWNERS) throw new RangeError("Cannot number another pod: more than MAX_PODS are present");
    return number;
  }

  #forget(present: ReadonlySet<string>): void {
    for (const [key, { number }] of this.#numbers) {
      if (this.#numbers.size <= present.size + MAX_PAST) return;
      if (present.has(key)) continue;
      this.#numbers.delete(key);
      this.#free.push(number);
    }
  }
}

function keyOf({ uid, namespace, interfaceIndex, labels, serviceAccount }: PodIdentity, { namespaces }: ClusterView): string {
  return JSON.stringify([uid, interfaceIndex, serviceAccount, namespace, sorted(labels), sorted(namespaces.get(namespace) ?? {})]);
}

function sorted(labels: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
}
