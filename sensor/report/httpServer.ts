/**
 * GET /metrics, /healthz (the program turns) and /readyz (it sees traffic and has its policy) for scrapers and
 * probes. Read-only and without authentication: it listens on loopback unless told otherwise, and in a cluster always.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { Registry } from "prom-client";

/** Connections at one time; a scraper needs one. */
const MAX_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 5_000;
const SEND_TIMEOUT_MS = 15_000;

/** Whether nobody outside of this machine can reach it. */
export function isLoopback(listen: string): boolean {
  const { host } = parseListen(listen);
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

export interface HttpServerOptions {
  /** HOST:PORT; an IPv6 host in brackets; port 0 takes a free one. */
  listen: string;
  metrics: Registry;
  /** Undefined when all is well, else what is not. */
  health(): string | undefined;
  readiness(): string | undefined;
}

export interface HttpServer {
  /** As bound: `http://127.0.0.1:9464`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Rejects when the address cannot be bound. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port } = parseListen(options.listen);
  // Not imported: that evaluates every export of the module, and one of them is the whole of undici (12 MB).
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer({ maxHeaderSize: 8_192, connectionsCheckingInterval: 1_000 }, (request, response) => {
    void answer(request, response, options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = 60_000;
  server.timeout = SEND_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(options.listen, error)));
    server.listen(port, host, resolve);
  });
  server.on("error", () => {});
  const address = server.address();
  const bound = address !== null && typeof address === "object" ? address.port : port;
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address). Throws what is wrong. */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535 || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    throw new Error(`Write the address to listen on as HOST:PORT (IPv6 in brackets), got ${text}`);
  }
  return { host: match[1] ?? (match[2] === "" ? "::" : match[2]), port };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: HttpServerOptions): Promise<void> {
  request.resume();
  const path = (request.url ?? "").split("?", 1)[0];
  if (request.method !== "GET" && request.method !== "HEAD") {
    send(response, 405, "only GET here\n");
    return;
  }
  if (path === "/metrics") {
    try {
      send(response, 200, await options.metrics.metrics(), options.metrics.contentType);
    } catch (error) {
      send(response, 500, `${String(error)}\n`);
    }
  } else if (path === "/healthz") sendState(response, options.health());
  else if (path === "/readyz") sendState(response, options.readiness());
  else send(response, 404, "try /metrics, /healthz or /readyz\n");
}

function sendState(response: ServerResponse, trouble: string | undefined): void {
  send(response, trouble === undefined ? 200 : 503, `${trouble ?? "ok"}\n`);
}

function send(response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function listenError(listen: string, error: NodeJS.ErrnoException): Error {
  const next = error.code === "EADDRINUSE" ? "; another sensor? choose another with --listen" : "";
  return new Error(`Cannot listen on ${listen}: ${error.code ?? error.message}${next}`, { cause: error });
}
