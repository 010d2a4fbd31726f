/** A small HTTP or HTTPS server of few connections, with limits on everything. */
import type { RequestListener, Server } from "node:http";
import { isIPv6, type AddressInfo } from "node:net";

const MAX_CONNECTIONS = 32;
const MAX_HEADER_BYTES = 16_384;
const REQUEST_TIMEOUT_MS = 5_000;

export interface OpenServer {
  readonly url: string;
  readonly server: Server;
  close(): Promise<void>;
}

/** Rejects when the address cannot be bound. `what` it is for is said then. */
export async function listen(what: string, address: { host: string; port: number }, scheme: "http" | "https", answer: RequestListener, requestTimeoutMs = REQUEST_TIMEOUT_MS): Promise<OpenServer> {
  const { host, port } = address;
  // Not imported: that evaluates every export of the module, and one of them is the whole of undici (12 MB).
  const options = { maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: 1_000 };
  const server: Server = scheme === "http" ? process.getBuiltinModule("node:http").createServer(options, answer) : process.getBuiltinModule("node:https").createServer({ ...options, handshakeTimeout: requestTimeoutMs }, answer);
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = requestTimeoutMs;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`Cannot listen on ${host}:${port} for ${what}: ${error.message}`, { cause: error })));
    server.listen(port, host, resolve);
  });
  server.on("error", () => {});
  return {
    url: urlOf(scheme, host, server.address() as AddressInfo),
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function urlOf(scheme: string, host: string, { address, port }: AddressInfo): string {
  const shown = host || address;
  return `${scheme}://${isIPv6(shown) ? `[${shown}]` : shown}:${port}`;
}

/**
 * `HOST:PORT`, `[IPV6]:PORT` or `:PORT`: every address of both families, host "", for which Node.js takes what a kernel
 * without IPv6 has. Throws what is wrong.
 */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new Error(`Cannot read an address to listen on, expected HOST:PORT (IPv6 in brackets): current value is ${text}`);
  return { host: match[1] ?? match[2]!, port };
}
