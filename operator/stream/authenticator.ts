/** Whose token it is, asked of the API server (TokenReview) and remembered for a moment. */
import { createHash } from "node:crypto";
import { RESOURCES, type KubeClient } from "../../kube/mod.ts";
import { MAX_KEPT_REVIEWS, MAX_REVIEWS, MAX_REVIEWS_OF_ADDRESS, MAX_REVIEWS_UNDER_WAY, MAX_TOKEN_BYTES, REFUSAL_KEPT_MS, REVIEW_KEPT_MS } from "./limits.ts";

export interface AuthenticatorOptions {
  readonly client: KubeClient;
  /** `system:serviceaccount:NAMESPACE:NAME`. */
  readonly user: string;
  /** Tokens for this audience are taken, and those for the API server itself. */
  readonly audience: string;
  nowMs(): number;
}

export type Authentication =
  | { readonly node: string }
  /** An HTTP status and what is wrong. */
  | { readonly status: 401 | 403 | 503; readonly message: string };

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  };
}

const NOT_OURS: Authentication = { status: 401, message: "Show the token of a sensor's service account" };
/** The API server puts it into tokens of pods that run on a node (Kubernetes 1.32). */
const NODE_CLAIM = "authentication.kubernetes.io/node-name";

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #kept = new Map<string, { readonly answer: Authentication; readonly untilMs: number }>();
  readonly #underWay = new Map<string, Promise<Authentication>>();
  readonly #underWayOf = new Map<string, number>();
  #asked = 0;
  /** Those whose turn it is not yet, the first come first. */
  readonly #waiting = new Set<() => void>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  get figures(): { readonly kept: number; readonly underWay: number } {
    return { kept: this.#kept.size, underWay: this.#underWay.size };
  }

  /** Never rejects. @param from the sender's address */
  async authenticate(authorization: string | undefined, from: string): Promise<Authentication> {
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined || token.length > MAX_TOKEN_BYTES) return NOT_OURS;
    const key = createHash("sha256").update(token).digest("base64");
    const kept = this.#kept.get(key);
    if (kept !== undefined && this.#options.nowMs() < kept.untilMs) return kept.answer;
    if (!this.#mayBeOurs(token)) return NOT_OURS;
    let asking = this.#underWay.get(key);
    if (asking === undefined) {
      const ofAddress = this.#underWayOf.get(from) ?? 0;
      if (this.#underWay.size >= MAX_REVIEWS || ofAddress >= MAX_REVIEWS_OF_ADDRESS) return { status: 503, message: "Try again: many tokens are being reviewed" };
      this.#underWayOf.set(from, ofAddress + 1);
      asking = this.#askInTurn(token).finally(() => this.#ended(key, from));
      this.#underWay.set(key, asking);
    }
    const answer = await asking;
    this.#keep(key, answer);
    return answer;
  }

  #ended(key: string, from: string): void {
    this.#underWay.delete(key);
    const left = this.#underWayOf.get(from)! - 1;
    if (left > 0) this.#underWayOf.set(from, left);
    else this.#underWayOf.delete(from);
  }

  /** What nobody can have issued for a sensor does not trouble the API server. It is not believed by this. */
  #mayBeOurs(token: string): boolean {
    try {
      const { sub } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as { sub?: unknown };
      return sub === this.#options.user;
    } catch {
      return false;
    }
  }

  async #askInTurn(token: string): Promise<Authentication> {
    if (this.#asked >= MAX_REVIEWS_UNDER_WAY) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    else this.#asked++;
    const answer = await this.#ask(token);
    const [next] = this.#waiting;
    if (next === undefined) this.#asked--;
    else this.#waiting.delete(next);
    next?.();
    return answer;
  }

  /** Never rejects. */
  async #ask(token: string): Promise<Authentication> {
    try {
      const forUs = await this.#review({ token, audiences: [this.#options.audience] });
      const review = forUs.status?.authenticated === true ? forUs : await this.#review({ token });
      return this.#judge(review);
    } catch (error) {
      return { status: 503, message: `Try again: ${(error as Error).message}` };
    }
  }

  #review(spec: object): Promise<TokenReview> {
    return this.#options.client.review<TokenReview>(RESOURCES.tokenReviews, { metadata: {}, spec }, { timeoutMs: 5_000 });
  }

  #judge({ status }: TokenReview): Authentication {
    if (status?.authenticated !== true) return { status: 401, message: "Show a token that the API server knows" };
    const { username, extra } = status.user ?? {};
    if (username !== this.#options.user) return { status: 403, message: `Show a token of ${this.#options.user}` };
    const node = extra?.[NODE_CLAIM]?.[0];
    if (node === undefined || node === "") return { status: 403, message: "Show a token that is bound to a pod on a node" };
    return { node };
  }

  #keep(key: string, answer: Authentication): void {
    if ("status" in answer && answer.status === 503) return;
    const nowMs = this.#options.nowMs();
    if (this.#kept.size >= MAX_KEPT_REVIEWS) for (const [old, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(old);
    if (this.#kept.size >= MAX_KEPT_REVIEWS) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.delete(key);
    this.#kept.set(key, { answer, untilMs: nowMs + ("node" in answer ? REVIEW_KEPT_MS : REFUSAL_KEPT_MS) });
  }
}
