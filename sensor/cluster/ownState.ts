/** What the API server does not allow, and when it was away: what a sensor says of its own standing in the cluster. */
import { KubeError } from "../../kube/mod.ts";
import type { Watches } from "./watches.ts";

const FORBIDDEN = 403;
const MAX_RIGHTS = 32;

export interface Outage {
  readonly fromMs: number;
  readonly toMs: number;
  /** Connections reset meanwhile. */
  readonly resets: number;
}

export class OwnState {
  /** The last one that is over. */
  outage: Outage | undefined;
  readonly #watches: Watches;
  readonly #resets: () => number;
  readonly #faults = new Map<string, Error>();
  #away: { readonly fromMs: number; readonly resets: number } | undefined;

  /** @param resets connections reset since the start */
  constructor(watches: Watches, resets: () => number) {
    this.#watches = watches;
    this.#resets = resets;
  }

  /** Of calls that no watch makes. */
  setFault(call: string, fault: Error | undefined): void {
    if (fault === undefined) this.#faults.delete(call);
    else this.#faults.set(call, fault);
  }

  get isConnected(): boolean {
    const { pods, policies } = this.#watches;
    return pods.state.connected && policies.state.connected;
  }

  /** A watch came or went. */
  onState(nowMs: number): void {
    if (!this.isConnected) this.#away ??= { fromMs: nowMs, resets: this.#resets() };
    else if (this.#away !== undefined) {
      // A watch that an API server ends in good order is open again at once.
      const { fromMs, resets } = this.#away;
      this.#away = undefined;
      if (nowMs - fromMs >= SHORTEST_OUTAGE_MS) this.outage = { fromMs, toMs: nowMs, resets: this.#resets() - resets };
    }
  }

  /** "watch pods", each once. */
  missingRights(): string[] {
    const errors = [...Object.values(this.#watches).map(({ state }) => state.error), ...this.#faults.values()];
    const forbidden = errors.filter((error): error is KubeError => error instanceof KubeError && error.status === FORBIDDEN);
    return [...new Set(forbidden.map(({ verb, resource }) => `${verb} ${resource}`))].sort().slice(0, MAX_RIGHTS);
  }
}

const SHORTEST_OUTAGE_MS = 2_000;
