/** HTTPS: POST /v1/reports. A replica that does not lead sends sensors to the one that does. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { MAX_REPORT_BYTES, readReport, type Reply, type Report } from "../../crds/stream/mod.ts";
import type { Authentication } from "./authenticator.ts";
import { BACKLOG, KEEP_ALIVE_MS, MAX_CONNECTIONS, MAX_HEADER_BYTES, MAX_KEPT_CONNECTIONS, REQUEST_TIMEOUT_MS } from "./limits.ts";
import { NodeRates } from "./pace.ts";

const PATH = "/v1/reports";
const SWEEP_MS = 60_000;
/** What nobody with a sensor's token is answered. */
const OF_STRANGERS: ReadonlySet<number> = new Set([401, 404, 405]);

export interface ReportServerOptions {
  readonly host: string;
  readonly port: number;
  /** PEM; until there is one no handshake succeeds. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** `from`: the sender's address. */
  authenticate(authorization: string | undefined, from: string): Promise<Authentication>;
  /** Where the leader takes reports (`https://10.0.0.7:8443`), "here", or undefined where nobody is known to lead. */
  leader(): string | undefined;
  /** Takes a report over; undefined where there is no room for one more sensor. Synchronous: order is kept. */
  take(report: Report): Reply | undefined;
  nowMs(): number;
  /** MAX_KEPT_CONNECTIONS unless told. */
  readonly maxKeptConnections?: number;
  /** REQUEST_TIMEOUT_MS unless told. */
  readonly requestTimeoutMs?: number;
}

export interface ReportServer {
  readonly port: number;
  /** For new connections; those that are open go on. */
  setCertificate(tls: { readonly cert: string; readonly key: string }): void;
  /** Answers by status, since the start. */
  readonly answers: ReadonlyMap<number, number>;
  readonly connections: () => number;
  close(): Promise<void>;
}

class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Rejects when the address cannot be bound. */
export async function startReportServer(options: ReportServerOptions): Promise<ReportServer> {
  const answers = new Map<number, number>();
  const rates = new NodeRates();
  const { maxKeptConnections: maxKept = MAX_KEPT_CONNECTIONS, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  let connections = 0;
  // Of TLS too: two minutes are Node.js' own, and whoever says nothing at all would hold a place for so long.
  const server = createServer({ ...options.tls, minVersion: "TLSv1.2", handshakeTimeout: requestTimeoutMs, maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: 5_000 }, (request, response) => {
    if (connections > maxKept) response.shouldKeepAlive = false;
    void answer(request, response, options, rates).then((status) => answers.set(status, (answers.get(status) ?? 0) + 1));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = requestTimeoutMs;
  server.headersTimeout = requestTimeoutMs;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`Cannot listen on ${options.host}:${options.port} for reports: ${error.message}`, { cause: error })));
    server.listen({ port: options.port, host: options.host, backlog: BACKLOG }, resolve);
  });
  server.on("error", () => {});
  server.on("connection", (socket) => {
    connections++;
    socket.once("close", () => connections--);
  });
  const sweeper = setInterval(() => rates.sweep(options.nowMs()), SWEEP_MS).unref();
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: (tls) => server.setSecureContext(tls),
    answers,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        clearInterval(sweeper);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ReportServerOptions, rates: NodeRates): Promise<number> {
  try {
    const reply = await take(request, options, rates);
    send(response, 200, JSON.stringify(reply), { "content-type": "application/json" });
    return 200;
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(500, "Cannot take the report");
    // The rest of what it sends is not read, and strangers are not waited for: the connection ends with the answer.
    const ends: Record<string, string> = request.complete && !OF_STRANGERS.has(refusal.status) ? {} : { connection: "close" };
    send(response, refusal.status, `${refusal.message}\n`, { "content-type": "text/plain; charset=utf-8", ...refusal.headers, ...ends });
    return refusal.status;
  }
}

async function take(request: IncomingMessage, options: ReportServerOptions, rates: NodeRates): Promise<Reply> {
  if ((request.url ?? "").split("?", 1)[0] !== PATH) throw new Refusal(404, `Post reports to ${PATH}`);
  if (request.method !== "POST") throw new Refusal(405, "Post reports", { allow: "POST" });
  const leader = options.leader();
  if (leader === undefined) throw new Refusal(503, "Try again: nobody leads yet", { "retry-after": "2" });
  if (leader !== "here") throw new Refusal(307, `Post reports to ${leader}`, { location: `${leader}${PATH}` });
  const sender = await options.authenticate(request.headers.authorization, request.socket.remoteAddress ?? "");
  if ("status" in sender) throw new Refusal(sender.status, sender.message, sender.status === 503 ? { "retry-after": "2" } : {});
  if (!rates.take(sender.node, options.nowMs())) throw new Refusal(429, "Report less often", { "retry-after": "1" });
  const reading = readReport(parse(await bodyOf(request)));
  if ("fault" in reading) throw new Refusal(400, `Cannot read the report, ${reading.fault}`);
  const report = reading.value;
  if (report.node !== sender.node) throw new Refusal(403, `Report of the token's own node, ${sender.node}: current node is ${report.node}`);
  const reply = options.take(report);
  if (reply === undefined) throw new Refusal(503, "Cannot take reports of one more sensor", { "retry-after": "60" });
  return reply;
}

/** At most MAX_REPORT_BYTES, on the wire and unpacked. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") throw new Refusal(415, `Send reports plain or as gzip: current encoding is ${encoding.slice(0, 40)}`);
  if (Number(request.headers["content-length"] ?? 0) > MAX_REPORT_BYTES) throw tooLarge();
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > MAX_REPORT_BYTES) throw tooLarge();
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(400, "Cannot read the report: it ended early");
  }
  const body = Buffer.concat(parts);
  if (encoding === "identity") return body.toString("utf8");
  try {
    return (await promisify(gunzip)(body, { maxOutputLength: MAX_REPORT_BYTES })).toString("utf8");
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? tooLarge() : new Refusal(400, "Cannot unpack the report");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "Cannot read the report: it is no JSON");
  }
}

function tooLarge(): Refusal {
  return new Refusal(413, `Send reports of at most ${MAX_REPORT_BYTES} bytes`);
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string>): void {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
