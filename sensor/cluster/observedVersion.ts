/**
 * Up to which resource version several watches of one API server have been followed. They share its numbering, so the
 * newest of them stands for all as soon as the others have had time to tell what came before it; while one of them is
 * cut off only the oldest is sure. What was told and is not done yet was not observed.
 */
import type { Reflector } from "../../kube/mod.ts";

/** What an API server told one watch, it has told the others by then. */
export const SETTLE_MS = 250;
const MAX_WAITING = 64;

type Followed = Pick<Reflector, "isSynced" | "resourceVersion" | "state">;

export class ObservedVersion {
  readonly #watches: readonly Followed[];
  readonly #waitsSinceMs: () => number;
  #settled = "";
  #waiting: { readonly version: string; readonly sinceMs: number }[] = [];

  /** @param waitsSinceMs since when something that was told waits to be taken over; Infinity: nothing does */
  constructor(watches: readonly Followed[], waitsSinceMs: () => number = () => Infinity) {
    this.#watches = watches;
    this.#waitsSinceMs = waitsSinceMs;
  }

  /** "" until every watch has told its first list. What is so now is told when it is asked for again after SETTLE_MS. */
  read(nowMs: number): string {
    const doneMs = Math.min(nowMs, this.#waitsSinceMs());
    while (this.#waiting.length > 0 && doneMs - this.#waiting[0]!.sinceMs >= SETTLE_MS) this.#settled = this.#waiting.shift()!.version;
    const version = this.#now();
    const newest = this.#waiting.at(-1)?.version ?? this.#settled;
    if (version !== newest && this.#waiting.length < MAX_WAITING) this.#waiting.push({ version, sinceMs: nowMs });
    return this.#settled;
  }

  #now(): string {
    if (!this.#watches.every(({ isSynced }) => isSynced)) return "";
    const versions = this.#watches.map(({ resourceVersion }) => resourceVersion).toSorted(compareVersions);
    return this.#watches.every(({ state }) => state.connected) ? versions.at(-1)! : versions[0]!;
  }
}

/** Decimal numbers of any length. */
export function compareVersions(left: string, right: string): number {
  return left.length - right.length || (left < right ? -1 : left > right ? 1 : 0);
}
