/** One kept HTTPS connection to one operator replica: a post at a time. */
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { gzipSync } from "node:zlib";
import { GZIP_FROM_BYTES, MAX_REPLY_BYTES, POST_TIMEOUT_MS } from "./limits.ts";
import type { StreamTarget } from "./target.ts";

const TCP_KEEP_ALIVE_MS = 30_000;

export interface PostAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly text: string;
}

export class HttpsConnection {
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #tls: { readonly ca: string; readonly servername: string };

  /** @param url where to post; the certificate must be of the target's name, whatever host the URL names */
  constructor(url: string, { serverName, ca }: Pick<StreamTarget, "serverName" | "ca">) {
    this.#url = new URL(url);
    this.#agent = new Agent({ keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, maxSockets: 1 });
    this.#tls = { ca, servername: serverName };
  }

  /** Rejects where no answer came, or none in time. */
  async post(body: string, token: string, signal: AbortSignal): Promise<PostAnswer> {
    const plain = Buffer.from(body);
    const isPacked = plain.length >= GZIP_FROM_BYTES;
    const bytes = isPacked ? gzipSync(plain) : plain;
    const headers = {
      "content-type": "application/json",
      "content-length": bytes.length,
      authorization: `Bearer ${token}`,
      ...(isPacked ? { "content-encoding": "gzip" } : {}),
    };
    const answer = await this.#send(bytes, headers, AbortSignal.any([signal, AbortSignal.timeout(POST_TIMEOUT_MS)]));
    let text = "";
    for await (const chunk of answer.setEncoding("utf8")) {
      text += String(chunk);
      if (text.length > MAX_REPLY_BYTES) throw new Error(`Cannot take so long an answer, expected at most ${MAX_REPLY_BYTES} bytes: current length is more`);
    }
    return { status: answer.statusCode ?? 0, location: answer.headers.location, retryAfterMs: retryAfterMs(answer.headers["retry-after"]), text };
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(bytes: Buffer, headers: Record<string, string | number>, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request(this.#url, { method: "POST", agent: this.#agent, headers, signal, ...this.#tls }, resolve);
      sent.on("error", reject);
      sent.end(bytes);
    });
  }
}

function retryAfterMs(header: string | undefined): number | undefined {
  const seconds = Number(header);
  return header === undefined || !Number.isFinite(seconds) || seconds < 0 ? undefined : seconds * 1_000;
}
