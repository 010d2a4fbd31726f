/** An API server's refusal, or that it could not be reached, with everything that a message must name. */

export interface KubeErrorDetails {
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** Kubernetes' reason (`NotFound`, `Conflict`, `Forbidden`, `Expired`, ...); `Unreachable` or `Timeout` without an answer. */
  readonly reason: string;
  readonly verb: string;
  /** `pods`, `daemonsets.apps`, `flowresets.flowreset.io/status`. */
  readonly resource: string;
  /** `namespace/name`, `name`, or "" for a collection. */
  readonly name: string;
  readonly path: string;
  /** What the server said, or what went wrong on the way. */
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

export class KubeError extends Error {
  override readonly name: string = "KubeError";
  readonly status: number;
  readonly reason: string;
  readonly verb: string;
  readonly resource: string;
  /** `namespace/name`, `name`, or "" for a collection. */
  readonly objectName: string;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(details: KubeErrorDetails) {
    const { status, reason, verb, resource, name, path, message, retryAfterMs, cause } = details;
    const object = name === "" ? "" : ` ${name}`;
    const answer = status === 0 ? reason : `${status} ${reason}`;
    super(`Cannot ${verb} ${resource}${object} (${path}): ${answer}, ${message}`, cause === undefined ? undefined : { cause });
    this.status = status;
    this.reason = reason;
    this.verb = verb;
    this.resource = resource;
    this.objectName = name;
    this.retryAfterMs = retryAfterMs;
  }

  static is(error: unknown, reason?: string): error is KubeError {
    return error instanceof KubeError && (reason === undefined || error.reason === reason);
  }
}

/** What an HTTP status means where the body does not say: proxies between answer with no Status object. */
const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  409: "Conflict",
  410: "Expired",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** metav1.Status, in the parts that matter. */
interface StatusBody {
  kind?: unknown;
  reason?: unknown;
  message?: unknown;
  code?: unknown;
  details?: { retryAfterSeconds?: unknown } | undefined;
}

/** Reads a refusal's body: a Status object, or a proxy's page. */
export function readStatus(status: number, body: string): { reason: string; message: string; retryAfterMs: number | undefined } {
  const fallback = REASONS[status] ?? `HTTP ${status}`;
  let parsed: StatusBody | undefined;
  try {
    parsed = JSON.parse(body) as StatusBody;
  } catch {
    // A page of HTML or plain text: its beginning says enough.
  }
  if (typeof parsed !== "object" || parsed === null || parsed.kind !== "Status") {
    const text = body.replace(/\s+/g, " ").trim().slice(0, 200);
    return { reason: fallback, message: text === "" ? "no text" : text, retryAfterMs: undefined };
  }
  const seconds = parsed.details?.retryAfterSeconds;
  return {
    reason: typeof parsed.reason === "string" && parsed.reason !== "" ? parsed.reason : fallback,
    message: typeof parsed.message === "string" ? parsed.message.slice(0, 1_000) : "no text",
    retryAfterMs: typeof seconds === "number" && seconds >= 0 ? seconds * 1_000 : undefined,
  };
}

/** The header `Retry-After`: seconds, or an HTTP date. */
export function readRetryAfter(header: string | string[] | undefined, nowMs: number): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text.trim())) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
