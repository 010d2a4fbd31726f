/** Who may read metrics: whom the API server knows by a bearer token, and lets get the non-resource path /metrics. */
import { createHash } from "node:crypto";
import { RESOURCES, type KubeClient } from "../../kube/mod.ts";

const PATH = "/metrics";
const HOLDS_MS = 60_000;
/** A right that was just given must not be waited for. */
const REFUSAL_HOLDS_MS = 10_000;
const MAX_KNOWN = 256;
const MAX_TOKEN_BYTES = 8_192;
/** Strangers must not make the API server be asked without end. */
const MAX_ASKING = 8;
const TIMEOUT_MS = 5_000;

/** An HTTP status: 200 may, 401 nobody knows them, 403 may not, 503 ask again. */
export type Access = 200 | 401 | 403 | 503;

interface TokenReview {
  readonly status?: { readonly authenticated?: boolean; readonly user?: { readonly username?: string; readonly uid?: string; readonly groups?: readonly string[]; readonly extra?: object } };
}

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

export class MetricsAccess {
  readonly #client: Pick<KubeClient, "review">;
  readonly #nowMs: () => number;
  /** By the token's hash, the oldest first. */
  readonly #known = new Map<string, { readonly access: Access; readonly untilMs: number }>();
  readonly #asking = new Map<string, Promise<Access>>();

  constructor(client: Pick<KubeClient, "review">, nowMs: () => number) {
    this.#client = client;
    this.#nowMs = nowMs;
  }

  /** Never rejects. */
  async of(authorization: string | undefined): Promise<Access> {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined || token.length > MAX_TOKEN_BYTES) return 401;
    const key = createHash("sha256").update(token).digest("base64");
    const known = this.#known.get(key);
    if (known !== undefined && this.#nowMs() < known.untilMs) return known.access;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    if (this.#asking.size >= MAX_ASKING) return 503;
    const asked = this.#ask(token).catch((): Access => 503);
    this.#asking.set(key, asked);
    const access = await asked;
    this.#asking.delete(key);
    if (access !== 503) this.#keep(key, access);
    return access;
  }

  #keep(key: string, access: Access): void {
    this.#known.delete(key);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MAX_KNOWN) break;
      this.#known.delete(oldest);
    }
    this.#known.set(key, { access, untilMs: this.#nowMs() + (access === 200 ? HOLDS_MS : REFUSAL_HOLDS_MS) });
  }

  async #ask(token: string): Promise<Access> {
    const { status: who } = await this.#client.review<TokenReview>(RESOURCES.tokenReviews, { metadata: {}, spec: { token } }, { timeoutMs: TIMEOUT_MS });
    const user = who?.authenticated === true ? who.user : undefined;
    if (user === undefined) return 401;
    const { username, uid, groups, extra } = user;
    const spec = { user: username, uid, groups, extra, nonResourceAttributes: { path: PATH, verb: "get" } };
    const { status } = await this.#client.review<AccessReview>(RESOURCES.subjectAccessReviews, { metadata: {}, spec }, { timeoutMs: TIMEOUT_MS });
    return status?.allowed === true ? 200 : 403;
  }
}
