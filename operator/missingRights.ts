/** What the API server did not allow, by verb and resource, until it has not been refused for a while. */
import { KubeError } from "../kube/mod.ts";

const KEPT_MS = 900_000;
const MAX_RIGHTS = 64;

export class MissingRights {
  readonly #refused = new Map<string, { readonly verb: string; readonly resource: string; readonly atMs: number }>();

  /** Anything that went wrong; what is no refusal is passed over. */
  note(error: unknown, nowMs: number): void {
    if (!KubeError.is(error) || error.status !== 403) return;
    const { verb, resource } = error;
    const key = `${verb} ${resource}`;
    if (this.#refused.has(key) || this.#refused.size < MAX_RIGHTS) this.#refused.set(key, { verb, resource, atMs: nowMs });
  }

  list(nowMs: number): readonly { readonly verb: string; readonly resource: string }[] {
    for (const [key, { atMs }] of this.#refused) if (nowMs - atMs > KEPT_MS) this.#refused.delete(key);
    return [...this.#refused.values()];
  }
}
