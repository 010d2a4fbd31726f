/** GET /metrics over HTTPS, with the certificate of the report stream. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import type { Registry } from "prom-client";
import { listen } from "./listen.ts";
import type { Access } from "./metricsAccess.ts";

export interface MetricsServer {
  readonly url: string;
  setCertificate(tls: { readonly cert: string; readonly key: string }): void;
  close(): Promise<void>;
}

const WORDS: Readonly<Record<Access, string>> = {
  200: "",
  401: "Show a token that the API server knows",
  403: "Ask for the right to get the path /metrics (nonResourceURLs)",
  503: "Try again: the token could not be reviewed",
};

/** Rejects when the address cannot be bound. */
export async function startMetricsServer(address: { host: string; port: number }, registry: Registry, accessOf: (authorization: string | undefined) => Promise<Access>): Promise<MetricsServer> {
  const { url, server, close } = await listen("metrics", address, "https", (request, response) => void answer(request, response, registry, accessOf));
  return { url, close, setCertificate: (tls) => (server as unknown as Server).setSecureContext(tls) };
}

async function answer(request: IncomingMessage, response: ServerResponse, registry: Registry, accessOf: (authorization: string | undefined) => Promise<Access>): Promise<void> {
  request.resume();
  if ((request.url ?? "").split("?", 1)[0] !== "/metrics") return send(response, 404, "try /metrics\n");
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "only GET here\n");
  const access = await accessOf(request.headers.authorization);
  if (access !== 200) return send(response, access, `${WORDS[access]}\n`);
  try {
    send(response, 200, await registry.metrics(), registry.contentType);
  } catch (error) {
    send(response, 500, `Cannot collect the metrics: ${(error as Error).message}\n`);
  }
}

function send(response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
