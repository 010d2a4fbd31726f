/** One HTTP exchange with the API server: authenticated, timed, counted, its refusals named. */
import type { IncomingMessage } from "node:http";
import type { Access } from "./access.ts";
import type { Clock } from "./clock.ts";
import type { KubeCounters } from "./counters.ts";
import { KubeError, readRetryAfter, readStatus } from "./kubeError.ts";
import { type Resource, labelOf, pathOf } from "./resources.ts";
import { type HttpRequest, send } from "./transport.ts";

export const DEFAULT_TIMEOUT_MS = 30_000;
/** 500 pods are 5 MB. A page that is longer (objects may have 1.5 MB each) is asked for in smaller ones. */
const MAX_BODY_BYTES = 8 * 1_024 * 1_024;
/** Of a refusal: enough to say why. */
const MAX_ERROR_BYTES = 64 * 1_024;

export interface Call {
  /** Kubernetes' verb, as RBAC names it. */
  verb: string;
  /** `pods`, `flowresets.flowreset.io/status`. */
  resource: string;
  /** `namespace/name`, or "" for a collection. */
  name: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

/** A body that comes as long as the server has something to say. */
export interface Stream {
  readonly chunks: AsyncIterable<Buffer>;
  /** Cuts the connection that it comes by. */
  cut(): void;
}

export class Exchange {
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #counters: KubeCounters;
  readonly #userAgent: string;

  constructor(access: Access, clock: Clock, counters: KubeCounters, userAgent: string) {
    this.#access = access;
    this.#clock = clock;
    this.#counters = counters;
    this.#userAgent = userAgent;
  }

  /** The answer's body. Rejects with KubeError on every status but 2xx. */
  async send(call: Call): Promise<string> {
    const { abort, release } = this.#deadline(call.signal, call.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      return (await readBody(await this.#request(call, abort, false), MAX_BODY_BYTES)).toString("utf8");
    } catch (error) {
      throw this.#named(call, abort, error);
    } finally {
      release();
    }
  }

  /** The answer's head comes within the timeout or until the signal; its body is the caller's, to read and to cut. */
  async open(call: Call): Promise<Stream> {
    const { abort, release } = this.#deadline(call.signal, call.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      const answer = await this.#request(call, abort, true);
      return { chunks: answer, cut: () => void answer.destroy() };
    } catch (error) {
      throw this.#named(call, abort, error);
    } finally {
      release();
    }
  }

  /** An exception on the way, as a KubeError that names the call. */
  named(call: Call, error: unknown): KubeError {
    return this.#named(call, undefined, error);
  }

  async #request(call: Call, signal: AbortSignal, isWatch: boolean): Promise<IncomingMessage> {
    for (let attempt = 0; ; attempt++) {
      const { connections, headers } = await this.#access.current();
      if (signal.aborted) throw new Error("aborted");
      let answer: IncomingMessage;
      try {
        answer = await send(this.#access.origin, isWatch ? connections.watches : connections.requests, this.#message(call, headers, signal));
      } catch (error) {
        // A kept connection that the server closes just as it is used: what changes nothing may be said again, once.
        if (attempt === 0 && !signal.aborted && isRepeatable(call) && isClosedConnection(error)) continue;
        throw error;
      }
      const { statusCode = 0 } = answer;
      this.#counters.countRequest(call.verb, call.resource, statusCode);
      this.#counters.lastContactMs = this.#clock.wallMs();
      if (statusCode >= 200 && statusCode < 300) return answer;
      const text = (await readBody(answer, MAX_ERROR_BYTES).catch(() => Buffer.alloc(0))).toString("utf8");
      if (statusCode === 401 && attempt === 0 && (await this.#access.refresh(headers))) continue;
      throw this.#refusal(call, answer, text);
    }
  }

  #message(call: Call, headers: Readonly<Record<string, string>>, signal: AbortSignal): HttpRequest {
    return {
      path: `${this.#access.pathPrefix}${call.path}${queryText(call.query)}`,
      method: call.method,
      headers: {
        ...headers,
        accept: "application/json",
        "user-agent": this.#userAgent,
        ...(call.body === undefined ? {} : { "content-type": call.contentType ?? "application/json" }),
      },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      signal,
    };
  }

  #refusal(call: Call, { statusCode = 0, headers }: IncomingMessage, text: string): KubeError {
    const { reason, message, retryAfterMs } = readStatus(statusCode, text);
    const fromHeader = readRetryAfter(headers["retry-after"], this.#clock.wallMs());
    return new KubeError({ ...describe(call), status: statusCode, reason, message, retryAfterMs: fromHeader ?? retryAfterMs });
  }

  #named(call: Call, deadline: AbortSignal | undefined, error: unknown): KubeError {
    if (error instanceof KubeError) return error;
    this.#counters.countRequest(call.verb, call.resource, 0);
    const { code, message } = error as NodeJS.ErrnoException;
    if (call.signal?.aborted === true) return new KubeError({ ...describe(call), status: 0, reason: "Aborted", message: "the caller gave up", cause: error });
    if (error instanceof BodyTooLarge) return new KubeError({ ...describe(call), status: 0, reason: "ResponseTooLarge", message });
    const reason = deadline?.aborted === true ? "Timeout" : "Unreachable";
    const text = deadline?.aborted === true ? `no answer within ${(call.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1_000} s` : [code, message].filter((part) => part !== undefined && part !== "").join(" ");
    return new KubeError({ ...describe(call), status: 0, reason, message: text, cause: error });
  }

  /** A signal that fires with the caller's, or after `timeoutMs` by this room's clock. */
  #deadline(caller: AbortSignal | undefined, timeoutMs: number): { abort: AbortSignal; release(): void } {
    const controller = new AbortController();
    const fire = (): void => controller.abort();
    if (caller?.aborted === true) fire();
    caller?.addEventListener("abort", fire);
    const cancel = this.#clock.timer(timeoutMs, fire);
    return {
      abort: controller.signal,
      release: () => {
        cancel();
        caller?.removeEventListener("abort", fire);
      },
    };
  }
}

class BodyTooLarge extends Error {}

async function readBody(body: AsyncIterable<Buffer>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) throw new BodyTooLarge(`expected at most ${limit} bytes`); // Leaving the loop cuts the connection.
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

/** Opening a watch. */
export function watchCall(resource: Resource, namespace: string | undefined): Call {
  return { verb: "watch", method: "GET", resource: labelOf(resource), name: "", path: pathOf(resource, namespace) };
}

/** A call as KubeError names it. */
export function describe({ verb, resource, name, method, path }: Call): { verb: string; resource: string; name: string; path: string } {
  return { verb, resource, name, path: `${method} ${path}` };
}

function queryText(query: Call["query"]): string {
  if (query === undefined) return "";
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

/** Said twice, it has the effect of once. */
function isRepeatable({ method, contentType }: Call): boolean {
  return method === "GET" || contentType === "application/apply-patch+yaml";
}

function isClosedConnection(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ECONNRESET" || code === "EPIPE";
}
