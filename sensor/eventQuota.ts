/** Events that each namespace may have written: beyond that only its own are counted instead. Nobody's have no quota. */
import { EVENTS_PER_SECOND_PER_NAMESPACE } from "./decide/mod.ts";

/** Namespaces that are remembered; whoever was told of longest ago is forgotten first, and begins anew. */
const MAX_NAMESPACES = 4_096;

interface Bucket {
  left: number;
  filledMs: number;
}

export class EventQuota {
  readonly #buckets = new Map<string, Bucket>();

  /** True where an event of the namespace ("" for none) may be written. */
  take(namespace: string, nowMs: number): boolean {
    if (namespace === "") return true;
    const bucket = this.#buckets.get(namespace) ?? { left: EVENTS_PER_SECOND_PER_NAMESPACE, filledMs: nowMs };
    this.#buckets.delete(namespace);
    this.#buckets.set(namespace, bucket);
    if (this.#buckets.size > MAX_NAMESPACES) this.#buckets.delete(this.#buckets.keys().next().value!);
    const gained = (Math.max(0, nowMs - bucket.filledMs) * EVENTS_PER_SECOND_PER_NAMESPACE) / 1_000;
    bucket.left = Math.min(EVENTS_PER_SECOND_PER_NAMESPACE, bucket.left + gained);
    bucket.filledMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left--;
    return true;
  }
}
