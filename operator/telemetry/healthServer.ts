/** GET /healthz and /readyz, plain HTTP for the kubelet. */
import type { AddressInfo } from "node:net";
import { isIPv6 } from "node:net";

const MAX_CONNECTIONS = 32;
const TIMEOUT_MS = 5_000;

export interface HealthServerOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined when all is well, else what is not. */
  health(): string | undefined;
  readiness(): string | undefined;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Rejects when the address cannot be bound. */
export async function startHealthServer({ host, port, health, readiness }: HealthServerOptions): Promise<HealthServer> {
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer({ maxHeaderSize: 8_192, connectionsCheckingInterval: 1_000 }, (request, response) => {
    request.resume();
    const path = (request.url ?? "").split("?", 1)[0];
    const answers = path === "/healthz" ? health : path === "/readyz" ? readiness : undefined;
    const trouble = answers?.();
    response.writeHead(answers === undefined ? 404 : trouble === undefined ? 200 : 503, { "content-type": "text/plain; charset=utf-8" });
    response.end(`${answers === undefined ? "try /healthz or /readyz" : (trouble ?? "ok")}\n`);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = TIMEOUT_MS;
  server.headersTimeout = TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`Cannot listen on ${host}:${port} for health: ${error.message}`, { cause: error })));
    server.listen(port, host, resolve);
  });
  server.on("error", () => {});
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address). Throws what is wrong. */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new Error(`Cannot read an address to listen on, expected HOST:PORT (IPv6 in brackets): current value is ${text}`);
  return { host: match[1] ?? (match[2] === "" ? "::" : match[2]!), port };
}
