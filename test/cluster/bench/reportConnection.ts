/** One sensor's kept connection to the operator. */
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";
import { Client } from "undici";
import { readReply } from "../../../crds/stream/mod.ts";
import type { Reply, Report } from "../../../crds/stream/mod.ts";

const TIMEOUT_MS = 30_000;

/** Where the operator takes reports, as it says in its ConfigMap, and how it is reached from here. */
export interface StreamAddress {
  readonly origin: string;
  readonly serverName: string;
  readonly context: SecureContext;
}

/** @param origin a way there that needs no kube-proxy. */
export function streamAddress(origin: string, { serverName, ca }: Readonly<Record<string, string>>): StreamAddress {
  return { origin, serverName: serverName!, context: createSecureContext({ ca: ca! }) };
}

export type Answer = { readonly reply: Reply } | { readonly status: number; readonly retryAfterMs: number };

export class ReportConnection {
  readonly #client: Client;
  readonly #authorization: string;

  /** @param localAddress each sensor comes from a node's address of its own, as far as the operator can tell */
  constructor({ origin, serverName, context }: StreamAddress, token: string, localAddress: string) {
    this.#authorization = `Bearer ${token}`;
    // The context is shared: a certificate authority of its own for each of thousands would be the largest thing here.
    this.#client = new Client(origin, { connect: { secureContext: context, servername: serverName, localAddress }, keepAliveTimeout: 600_000, keepAliveMaxTimeout: 600_000, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
  }

  /** @throws where no answer came. */
  async post(report: Report): Promise<Answer> {
    const { statusCode, headers, body } = await this.#client.request({
      path: "/v1/reports",
      method: "POST",
      headers: { authorization: this.#authorization, "content-type": "application/json" },
      body: JSON.stringify(report),
    });
    const text = await body.text();
    if (statusCode !== 200) return { status: statusCode, retryAfterMs: 1_000 * Number(headers["retry-after"] ?? 1) };
    const reading = readReply(JSON.parse(text));
    if ("fault" in reading) throw new Error(`Cannot read the operator's reply: ${reading.fault}`);
    return { reply: reading.value };
  }

  close(): Promise<void> {
    return this.#client.destroy();
  }
}
