/** An HTTP server that answers as a test tells it, for what a real API server does too seldom. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Access } from "./access.ts";
import { KubeClient } from "./client.ts";
import type { Clock } from "./clock.ts";
import { cutConnections, openConnections } from "./transport.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: any;
}

export type Script = (asked: Asked, answer: ServerResponse) => void;

export class ScriptedServer {
  readonly asked: Asked[] = [];
  script: Script;
  /** Tokens in the order in which `refresh` finds them. */
  tokens = ["token"];
  readonly #server = createServer((incoming, answer) => void this.#handle(incoming, answer));

  private constructor(script: Script) {
    this.script = script;
  }

  static async start(script: Script): Promise<ScriptedServer> {
    const server = new ScriptedServer(script);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  client(clock: Clock): KubeClient {
    const origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    const connections = openConnections(origin, {});
    const access: Access = {
      origin,
      pathPrefix: "/prefix",
      current: async () => ({ connections, headers: { authorization: `Bearer ${this.tokens[0]}` } }),
      refresh: async () => this.tokens.length > 1 && this.tokens.shift() !== undefined,
      close: () => cutConnections(connections),
    };
    return new KubeClient(access, "scripted", clock);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(incoming.url ?? "/", "http://test");
    const asked = { method: incoming.method ?? "", path: url.pathname, query: url.searchParams, headers: incoming.headers, body: text === "" ? undefined : JSON.parse(text) };
    this.asked.push(asked);
    this.script(asked, answer);
  }
}

export function json(answer: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  answer.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** A refusal as an API server makes it. */
export function statusBody(code: number, reason: string, more: object = {}): object {
  return { kind: "Status", apiVersion: "v1", status: "Failure", message: "a scripted refusal", reason, code, ...more };
}

export const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

export function pod(name: string, resourceVersion: string, more: object = {}) {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "n", uid: `uid-${name}`, resourceVersion }, ...more };
}
