/**
 * Who may read /metrics from outside of the node: whoever the API server lets get the non-resource path /metrics, shown
 * by a bearer token. An answer holds for a minute.
 */
import { createHash } from "node:crypto";
import { RESOURCES } from "../../kube/mod.ts";
import type { KubeClient } from "../../kube/mod.ts";

const HOLDS_MS = 60_000;
const MAX_KNOWN = 256;
/** Strangers must not make this node ask without end. */
const MAX_ASKING = 4;
const TIMEOUT_MS = 5_000;

interface TokenReview {
  readonly status?: { readonly authenticated?: boolean; readonly user?: { readonly username?: string; readonly uid?: string; readonly groups?: readonly string[]; readonly extra?: unknown } };
}

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

export class MetricsAccess {
  readonly #client: Pick<KubeClient, "review">;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, { readonly status: number; readonly untilMs: number }>();
  readonly #asking = new Map<string, Promise<number>>();

  constructor(client: Pick<KubeClient, "review">, nowMs: () => number = Date.now) {
    this.#client = client;
    this.#nowMs = nowMs;
  }

  /** An HTTP status: 200, 401 without a token that the API server knows, 403 without the right, 503 where it does not answer. */
  async check(authorization: string | undefined): Promise<number> {
    const token = /^Bearer ([\x21-\x7e]{1,16384})$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) return 401;
    const key = createHash("sha256").update(token).digest("base64");
    const known = this.#known.get(key);
    if (known !== undefined && known.untilMs > this.#nowMs()) return known.status;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    if (this.#asking.size >= MAX_ASKING) return 503;
    const asked = this.#ask(token).catch(() => 503);
    this.#asking.set(key, asked);
    const status = await asked;
    this.#asking.delete(key);
    if (status !== 503) this.#keep(key, status);
    return status;
  }

  #keep(key: string, status: number): void {
    this.#known.delete(key);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MAX_KNOWN) break;
      this.#known.delete(oldest);
    }
    this.#known.set(key, { status, untilMs: this.#nowMs() + HOLDS_MS });
  }

  async #ask(token: string): Promise<number> {
    const { status: who } = await this.#client.review<TokenReview>(RESOURCES.tokenReviews, { spec: { token } }, { timeoutMs: TIMEOUT_MS });
    const user = who?.authenticated === true ? who.user : undefined;
    if (user === undefined) return 401;
    const { username, uid, groups, extra } = user;
    const spec = { user: username, uid, groups, extra, nonResourceAttributes: { path: "/metrics", verb: "get" } };
    const { status } = await this.#client.review<AccessReview>(RESOURCES.subjectAccessReviews, { spec }, { timeoutMs: TIMEOUT_MS });
    return status?.allowed === true ? 200 : 403;
  }
}
