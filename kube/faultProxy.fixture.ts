/**
 * Stands between a client and a real API server and does what networks, load balancers and overloaded servers do:
 * cuts, delays, answers 429, 500 and 410, ends within a line, falls silent. It never invents or repeats an event.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, type Dispatcher, request } from "undici";
import type { ApiServer } from "../test/cluster/mod.ts";
import type { Access } from "./access.ts";
import { KubeClient } from "./client.ts";
import type { Clock } from "./clock.ts";
import { seededRandom } from "./testClock.fixture.ts";
import { cutConnections, openConnections } from "./transport.ts";

/** Faults of a request as a whole, and of a watch that has begun. */
const REQUEST_FAULTS = ["cut before", "cut after", "delay", "429", "500", "503", "410", "no Status", "half an answer"] as const;
const WATCH_FAULTS = ["cut", "clean end", "end within a line", "410 event", "500 event", "silence", "single bytes", "no JSON", "cut at once"] as const;
export const ALL_FAULTS = [...REQUEST_FAULTS, ...WATCH_FAULTS] as const;
export type Fault = (typeof ALL_FAULTS)[number];

export interface FaultProxyOptions {
  server: Pick<ApiServer, "url" | "caPem" | "admin">;
  seed?: number;
  /** Share of requests, and of watches, that meet a fault. */
  rate?: number;
  /** Only these faults. */
  faults?: readonly Fault[];
  /** How long delays are and after which time a watch meets its fault, at most. */
  slowestMs?: number;
}

export class FaultProxy {
  /** Requests by `list`, `watch` and others, whatever became of them. */
  readonly seen = { list: 0, watch: 0, other: 0 };
  readonly met = new Map<Fault, number>();
  rate: number;
  faults: readonly Fault[];
  /** Cuts whatever comes. */
  isAway = false;
  /** The next request, or watch, meets this one, whatever the rate. */
  next: Fault | undefined;
  readonly #options: FaultProxyOptions;
  readonly #random: () => number;
  readonly #upstream: Agent;
  readonly #server = createServer((incoming, answer) => void this.#handle(incoming, answer).catch(() => answer.destroy()));

  private constructor(options: FaultProxyOptions) {
    const { caPem, admin } = options.server;
    this.#options = options;
    this.rate = options.rate ?? 0;
    this.faults = options.faults ?? ALL_FAULTS;
    this.#random = seededRandom(options.seed ?? 1);
    this.#upstream = new Agent({ connect: { ca: caPem, cert: admin.certPem, key: admin.keyPem }, allowH2: false, bodyTimeout: 0 });
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A client that goes through here, as the administrator. */
  client(clock: Clock): KubeClient {
    const connections = openConnections(this.origin, {});
    const access: Access = {
      origin: this.origin,
      pathPrefix: "",
      current: async () => ({ connections, headers: {} }),
      refresh: async () => false,
      close: () => cutConnections(connections),
    };
    return new KubeClient(access, "fault-test", clock);
  }

  /** Everything that is open is cut. */
  cutAll(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await this.#upstream.destroy();
    await closed;
  }

  #pick<F extends Fault>(all: readonly F[]): F | undefined {
    const { next } = this;
    if (next !== undefined && (all as readonly Fault[]).includes(next)) {
      this.next = undefined;
      this.#count(next);
      return next as F;
    }
    const possible = all.filter((fault) => this.faults.includes(fault));
    if (possible.length === 0 || this.#random() >= this.rate) return undefined;
    const fault = possible[Math.floor(this.#random() * possible.length)]!;
    this.#count(fault);
    return fault;
  }

  #count(fault: Fault): void {
    this.met.set(fault, (this.met.get(fault) ?? 0) + 1);
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#random() * (this.#options.slowestMs ?? 50)));
  }

  async #handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = incoming.url ?? "/";
    const isWatch = /[?&]watch=true/.test(url);
    this.seen[isWatch ? "watch" : incoming.method === "GET" ? "list" : "other"]++;
    const fault = this.isAway ? "cut before" : this.#pick(REQUEST_FAULTS);
    if (fault === "cut before") return void answer.destroy();
    if (fault === "delay") await this.#delay();
    if (fault === "429" || fault === "500" || fault === "503" || fault === "410") return refuse(answer, Number(fault));
    if (fault === "no Status") return void answer.writeHead(502, { "content-type": "text/html" }).end("<html>bad gateway</html>");

    const body = await readAll(incoming);
    const { "content-type": contentType, accept } = incoming.headers;
    const headers = { accept: accept ?? "*/*", ...(contentType === undefined ? {} : { "content-type": contentType }) };
    const options = { dispatcher: this.#upstream, method: incoming.method as Dispatcher.HttpMethod, headers, body: body.length === 0 ? null : body };
    const response = await request(`${this.#options.server.url}${url}`, options);
    if (fault === "cut after") return void (answer.destroy(), response.body.destroy());
    if (isWatch && response.statusCode === 200) return this.#watch(answer, response.body);
    const whole = Buffer.from(await response.body.arrayBuffer());
    answer.writeHead(response.statusCode, { "content-type": "application/json", "content-length": whole.length });
    if (fault !== "half an answer") return void answer.end(whole);
    answer.write(whole.subarray(0, Math.floor(whole.length * this.#random())), () => answer.destroy());
  }

  /** Passes a watch on, until its fault, if it meets one, at a moment of chance. */
  async #watch(answer: ServerResponse, body: Dispatcher.ResponseData["body"]): Promise<void> {
    const fault = this.#pick(WATCH_FAULTS);
    answer.on("close", () => body.destroy());
    body.on("error", () => {});
    answer.writeHead(200, { "content-type": "application/json" });
    answer.flushHeaders();
    let isBroken = false;
    /** A whole line was the last thing that was passed on. */
    let isWhole = true;
    let isLastLine = false;
    let eventsUntilDamage = fault === "no JSON" ? Math.floor(this.#random() * 4) : Infinity;
    const strike = (): void => {
      isBroken = fault !== "end within a line";
      if (fault === "cut") answer.destroy();
      else if (fault === "clean end") answer.end();
      else if (fault === "410 event") answer.end(isWhole ? `${JSON.stringify({ type: "ERROR", object: status(410) })}\n` : "");
      else if (fault === "500 event") answer.end(isWhole ? `${JSON.stringify({ type: "ERROR", object: status(500) })}\n` : "");
      else if (fault === "end within a line") isLastLine = true;
    };
    if (fault === "cut at once") return void answer.destroy();
    const striking = fault === undefined || fault === "single bytes" || fault === "no JSON" ? undefined : setTimeout(strike, this.#random() * (this.#options.slowestMs ?? 50) * 4);
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (isBroken) continue; // Silence: the server goes on talking, nobody hears it.
        if (isLastLine) {
          isBroken = true;
          answer.end(chunk.subarray(0, Math.max(1, Math.floor((chunk.length - 1) * this.#random()))));
          continue;
        }
        if (isWhole && eventsUntilDamage-- === 0) chunk[0] = 0x21; // The "{" of an event.
        isWhole = chunk.at(-1) === 0x0a;
        if (fault === "single bytes") for (let at = 0; at < chunk.length; at += 7) answer.write(chunk.subarray(at, at + 7));
        else answer.write(chunk);
      }
      if (!isBroken) answer.end();
    } catch {
      answer.destroy();
    } finally {
      clearTimeout(striking);
    }
  }
}

function status(code: number): object {
  const reason = code === 410 ? "Expired" : code === 429 ? "TooManyRequests" : code === 503 ? "ServiceUnavailable" : "InternalError";
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message: `a fault that a test asked for: ${code}`, reason, code };
}

function refuse(answer: ServerResponse, code: number): void {
  const headers = { "content-type": "application/json", ...(code === 429 || code === 503 ? { "retry-after": "1" } : {}) };
  answer.writeHead(code, headers).end(JSON.stringify(status(code)));
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
