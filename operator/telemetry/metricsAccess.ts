/** Who may read metrics: whom the API server knows by a token, and allows to get the path /metrics. */
import { createHash } from "node:crypto";
import { RESOURCES, type KubeClient } from "../../kube/mod.ts";

const PATH = "/metrics";
const KEPT_MS = 60_000;
const REFUSAL_KEPT_MS = 10_000;
const MAX_KEPT = 256;
const MAX_TOKEN_BYTES = 8_192;
const MAX_UNDER_WAY = 8;

/** An HTTP status: 200 may, 401 nobody knows them, 403 may not, 503 ask again. */
export type Access = 200 | 401 | 403 | 503;

interface Review {
  readonly status?: { readonly authenticated?: boolean; readonly allowed?: boolean; readonly user?: { readonly username?: string; readonly uid?: string; readonly groups?: string[]; readonly extra?: object } };
}

export class MetricsAccess {
  readonly #client: KubeClient;
  readonly #nowMs: () => number;
  readonly #kept = new Map<string, { readonly access: Access; readonly untilMs: number }>();
  #underWay = 0;

  constructor(client: KubeClient, nowMs: () => number) {
    this.#client = client;
    this.#nowMs = nowMs;
  }

  /** Never rejects. */
  async of(authorization: string | undefined): Promise<Access> {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined || token.length > MAX_TOKEN_BYTES) return 401;
    const key = createHash("sha256").update(token).digest("base64");
    const kept = this.#kept.get(key);
    if (kept !== undefined && this.#nowMs() < kept.untilMs) return kept.access;
    if (this.#underWay >= MAX_UNDER_WAY) return 503;
    this.#underWay++;
    try {
      const access = await this.#ask(token);
      if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
      this.#kept.set(key, { access, untilMs: this.#nowMs() + (access === 200 ? KEPT_MS : REFUSAL_KEPT_MS) });
      return access;
    } catch {
      return 503;
    } finally {
      this.#underWay--;
    }
  }

  async #ask(token: string): Promise<Access> {
    const known = await this.#client.review<Review>(RESOURCES.tokenReviews, { metadata: {}, spec: { token } }, { timeoutMs: 5_000 });
    if (known.status?.authenticated !== true) return 401;
    const { username: user, uid, groups, extra } = known.status.user ?? {};
    const spec = { user, uid, groups, extra, nonResourceAttributes: { path: PATH, verb: "get" } };
    const may = await this.#client.review<Review>(RESOURCES.subjectAccessReviews, { metadata: {}, spec }, { timeoutMs: 5_000 });
    return may.status?.allowed === true ? 200 : 403;
  }
}
