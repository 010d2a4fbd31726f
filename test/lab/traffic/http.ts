/** HTTP clients: real curl, a pool of kept connections, a websocket. The server is `Agent.http`. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Agent } from "./agent.ts";
import type { Connection } from "./connection.ts";
import type { Station } from "../network.ts";
import type { LabProcess } from "../process.ts";
import { until } from "../wait.ts";
import { FLOOD_BLOCK_BYTES, floodBlock } from "./protocol.ts";

/** `http://address:port/path`, with brackets where the address is IPv6. */
export function url(address: string, port: number, path = "/"): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}${path}`;
}

/** The SHA-256 of what `GET /bytes/N` gives. */
export function sha256OfBytes(length: number): string {
  const hash = createHash("sha256");
  const block = floodBlock();
  for (let left = length; left > 0; left -= FLOOD_BLOCK_BYTES) hash.update(block.subarray(0, left));
  return hash.digest("hex");
}

export interface Download {
  process: LabProcess;
  /** Waits for the end. `exitCode` is curl's: 0 whole, 56 reset, 7 refused, 18 cut short. */
  finished: Promise<{ exitCode: number | null; bytes: number; sha256: string }>;
}

/** Starts `curl` into a file; `limitRate` as curl writes it ("2M" is bytes a second). */
export function download(from: Station, source: string, limitRate?: string): Download {
  const file = `${from.namespace.lab.directory}/download-${performance.now()}`;
  const process = from.start(["curl", "-sS", "-g", "-o", file, ...(limitRate ? ["--limit-rate", limitRate] : []), source]);
  const finished = process.exited.then(({ code }) => {
    let bytes: Buffer = Buffer.alloc(0);
    try {
      bytes = readFileSync(file);
    } catch {
      // Nothing came.
    }
    return { exitCode: code, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  return { process, finished };
}

/** Connections that are kept and used again and again, as a database driver or HTTP client keeps them. */
export class KeepAlivePool {
  readonly connections: Connection[];
  readonly #answered: number[];
  readonly #host: string;

  private constructor(connections: Connection[], host: string) {
    this.connections = connections;
    this.#answered = connections.map(() => 0);
    this.#host = host;
  }

  static async open(agent: Agent, host: string, port: number, size: number): Promise<KeepAlivePool> {
    const opening = Array.from({ length: size }, () => agent.connect({ host, port }));
    const pool = new KeepAlivePool(await Promise.all(opening), host);
    await Promise.all(pool.connections.map((_, i) => pool.request(i)));
    return pool;
  }

  /** One request on one connection. @throws where the answer does not come. */
  async request(number: number): Promise<void> {
    const connection = this.connections[number]!;
    const before = this.#answered[number]!;
    connection.write(`GET / HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`);
    const { receivedBytes } = await until(`an answer on connection ${number}`, async () => {
      const statistics = await connection.statistics();
      if (connection.end !== undefined) return { receivedBytes: -1 };
      return statistics.receivedBytes > before && statistics.tail.endsWith("ok\n") ? statistics : undefined;
    });
    if (receivedBytes < 0) throw new Error(`Connection ${number} is dead: ${connection.end!.error ?? "closed"}`);
    this.#answered[number] = receivedBytes;
  }
}

/** A websocket session: masked text frames out, echoes back. */
export class WebSocketSession {
  readonly connection: Connection;

  private constructor(connection: Connection) {
    this.connection = connection;
  }

  static async open(agent: Agent, host: string, port: number): Promise<WebSocketSession> {
    const connection = await agent.connect({ host, port });
    connection.write(
      `GET /socket HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    await until("the websocket handshake", async () => (await connection.statistics()).tail.endsWith("\r\n\r\n"));
    return new WebSocketSession(connection);
  }

  /** Sends a text of less than 126 bytes and waits for its echo. */
  async echo(text: string): Promise<void> {
    const { receivedBytes } = await this.connection.statistics();
    const payload = Buffer.from(text);
    const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
    const masked = payload.map((byte, i) => byte ^ mask[i & 3]!);
    this.connection.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]));
    const { tail } = await this.connection.received(receivedBytes + 2 + payload.length);
    if (!tail.endsWith(text)) throw new Error(`The websocket did not echo ${text}: ${tail.slice(-80)}`);
  }
}
