/**
 * HTTP/1.1 over kept connections. Of Node.js itself: undici, measured, costs every sensor 30 MB more (its parser is
 * WebAssembly), for a speed that a few requests a second do not need.
 */
import type { Agent, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { AgentOptions } from "node:https";
import { urlToHttpOptions } from "node:url";

/** Requests in flight; a controller has a handful of workers. */
const REQUEST_CONNECTIONS = 8;
/** A watch holds its connection for minutes: they have a pool of their own, so that they never starve requests. */
const WATCH_CONNECTIONS = 128;
/** A dead peer is noticed by the kernel, also while nothing is sent. */
const TCP_KEEP_ALIVE_MS = 30_000;
/** API servers and what stands before them close idle connections after minutes; ours go first, so that no request meets a closing one. */
const IDLE_CONNECTION_MS = 45_000;

/** What TLS needs (ca, cert, key, servername, ...), and proxies. */
export type ConnectionSettings = Pick<AgentOptions, "ca" | "cert" | "key" | "pfx" | "passphrase" | "rejectUnauthorized" | "servername" | "proxyEnv">;

/** Two sets of connections to one server. */
export interface Connections {
  readonly requests: Agent;
  readonly watches: Agent;
}

export interface HttpRequest {
  method: string;
  path: string;
  headers: OutgoingHttpHeaders;
  /** Sent whole. */
  body: string | undefined;
  /** Ends the request, and the answer as long as it comes. */
  signal: AbortSignal;
}

export function openConnections(origin: string, settings: ConnectionSettings): Connections {
  const shared = { ...settings, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS, timeout: IDLE_CONNECTION_MS };
  const { Agent } = moduleOf(origin);
  return {
    requests: new Agent({ ...shared, maxSockets: REQUEST_CONNECTIONS }),
    watches: new Agent({ ...shared, maxSockets: WATCH_CONNECTIONS, maxFreeSockets: 0 }),
  };
}

/** What runs comes to its end, and each connection with it. */
export function retireConnections({ requests, watches }: Connections): void {
  for (const agent of [requests, watches]) {
    agent.maxFreeSockets = 0;
    for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
  }
}

export function isIdle({ requests, watches }: Connections): boolean {
  return [requests, watches].every((agent) => Object.keys(agent.sockets).length === 0 && Object.keys(agent.requests).length === 0);
}

export function cutConnections({ requests, watches }: Connections): void {
  requests.destroy();
  watches.destroy();
}

/** Resolves with the head of the answer, whatever its status. */
export function send(origin: string, agent: Agent, { method, path, headers, body, signal }: HttpRequest): Promise<IncomingMessage> {
  const { protocol, hostname, port } = urlToHttpOptions(new URL(origin));
  const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = moduleOf(origin).request({ protocol, hostname, port, agent, method, path, headers: { ...headers, ...length }, signal });
    request.on("error", reject);
    request.on("response", (answer) => {
      answer.on("error", () => {}); // Whoever reads the body sees it; once it is cut nobody does.
      resolve(answer);
    });
    request.end(body);
  });
}

// node:http is not imported: that evaluates every export, and one of them is the whole of undici.
function moduleOf(origin: string): typeof import("node:https") {
  return process.getBuiltinModule(origin.startsWith("https:") ? "node:https" : "node:http") as typeof import("node:https");
}
