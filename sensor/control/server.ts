/** The sensor's end of the local socket: routes, limits and streaming; the answers come from the handlers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { rmSync } from "node:fs";
import { DEFAULT_FLOW_LINES, MAX_FLOW_LINES, RequestError } from "./protocol.ts";
import type { ControlHandlers, FlowQuery } from "./protocol.ts";
import { listenOnSocket } from "./socket.ts";

export const MAX_REQUEST_BYTES = 65_536;
const MAX_CONTROL_CONNECTIONS = 32;
/** POST /v1/reset at one time. */
export const MAX_RESETS_UNDER_WAY = 8;
const REQUEST_TIMEOUT_MS = 5_000;
const SILENT_CLIENT_MS = 30_000;
/** A reset is silent until its outcomes are known. */
const RESET_TIMEOUT_MS = 600_000;
/** Lines sent before the other work of the main thread has its turn. */
const LINES_A_TURN = 512;

export interface ControlServer {
  readonly path: string;
  /** Ends streams under way and removes the socket. */
  close(): Promise<void>;
}

/** Rejects with SensorAlreadyRunning when a live sensor has the path. */
export async function startControlServer(path: string, handlers: ControlHandlers): Promise<ControlServer> {
  let resetsUnderWay = 0;
  // Not imported: that evaluates every export of the module, and one of them is the whole of undici (12 MB).
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer({ maxHeaderSize: 8_192, connectionsCheckingInterval: 1_000 }, (request, response) => {
    const isReset = request.url === "/v1/reset";
    if (isReset && resetsUnderWay >= MAX_RESETS_UNDER_WAY) {
      request.resume();
      sendError(response, new RequestError(429, `Try again later: ${resetsUnderWay} resets are under way`));
      return;
    }
    if (isReset) resetsUnderWay++;
    void route(request, response, handlers)
      .catch((error: unknown) => sendError(response, error))
      .finally(() => {
        if (isReset) resetsUnderWay--;
      });
  });
  server.maxConnections = MAX_CONTROL_CONNECTIONS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.timeout = SILENT_CLIENT_MS;
  await listenOnSocket(server, path);
  server.on("error", () => {});
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          rmSync(path, { force: true });
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function route(request: IncomingMessage, response: ServerResponse, handlers: ControlHandlers): Promise<void> {
  const url = URL.parse(request.url ?? "/", "http://sensor");
  if (url === null) throw new RequestError(400, "Cannot read the request's path");
  const body = request.method === "POST" ? await readBody(request) : "";
  switch (`${request.method} ${url.pathname}`) {
    case "GET /v1/status":
      sendJson(response, 200, await handlers.status());
      return;
    case "GET /v1/flows": {
      const query = parseQuery(url.searchParams);
      await stream(response, limited(handlers.flows(query), query.limit));
      return;
    }
    case "POST /v1/reset": {
      const aborted = new AbortController();
      response.once("close", () => aborted.abort());
      response.setTimeout(RESET_TIMEOUT_MS);
      await stream(response, handlers.reset(parseJson(body), aborted.signal));
      return;
    }
    case "POST /v1/stop":
      await handlers.stop();
      sendJson(response, 200, { stopped: true });
      return;
    case "POST /v1/start":
      await handlers.start();
      sendJson(response, 200, { stopped: false });
      return;
    default:
      throw new RequestError(404, `Ask for status, flows, reset, stop or start under /v1, got ${request.method} ${url.pathname}`);
  }
}

/** JSON lines. The first value decides between an answer and an error: nothing is sent before it is there. */
async function stream(response: ServerResponse, values: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  let lines = 0;
  for await (const value of values) {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/jsonl; charset=utf-8" });
    if (!response.write(`${JSON.stringify(value)}\n`)) await drained(response);
    if (++lines % LINES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (!response.headersSent) response.writeHead(200, { "content-type": "application/jsonl; charset=utf-8" });
  response.end();
}

async function* limited<T>(values: AsyncIterable<T> | Iterable<T>, limit: number): AsyncIterable<T> {
  let count = 0;
  for await (const value of values) {
    if (count++ === limit) return;
    yield value;
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.removeListener("drain", done);
      response.removeListener("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}

function parseQuery(parameters: URLSearchParams): FlowQuery {
  const query: FlowQuery = { limit: DEFAULT_FLOW_LINES };
  for (const [name, value] of parameters) {
    if (name === "limit") query.limit = wholeNumber(name, value, 1, MAX_FLOW_LINES);
    else if (name === "port") query.port = wholeNumber(name, value, 1, 65_535);
    else if (name === "ip") query.ip = value;
    else if (name === "state") query.state = value;
    else throw new RequestError(400, `Filter by limit, ip, port or state, got ${name}`);
  }
  return query;
}

function wholeNumber(name: string, text: string, minimum: number, maximum: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= minimum && value <= maximum) return value;
  throw new RequestError(400, `Give ${name} as a number from ${minimum} to ${maximum}, got ${text}`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MAX_REQUEST_BYTES) throw new RequestError(413, `Send at most ${MAX_REQUEST_BYTES} bytes, got more`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestError(400, `Send JSON: ${(error as Error).message}`);
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.destroyed) return;
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** Once a stream has begun the only way to say that it failed is to break it off. */
function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = error instanceof RequestError ? error.status : 500;
  response.setHeader("connection", "close");
  sendJson(response, status, { error: error instanceof Error ? error.message : String(error) });
}
