/** The test's handle of a connection that an agent holds. */
import type { Agent } from "./agent.ts";
import type { Statistics } from "./protocol.ts";
import { until } from "../wait.ts";

export interface Closed {
  /** The errno name (ECONNRESET, ECONNREFUSED, ETIMEDOUT, ...), undefined after an orderly end. */
  error: string | undefined;
  statistics: Statistics;
}

export interface FloodOptions {
  bytes: number;
  /** In bursts every 5 ms; as fast as it goes where absent. */
  bytesPerSecond?: number;
  /** Put into the stream at byte `triggerAt` (0 unless told) in place of what would be there. */
  trigger?: string;
  triggerAt?: number;
}

export class Connection {
  readonly id: number;
  /** Rejects with the errno name where it is refused. */
  readonly connected: Promise<void>;
  readonly closed: Promise<Closed>;
  localPort = 0;
  localAddress = "";
  remotePort = 0;
  remoteAddress = "";
  /** How it ended; undefined while it lives. */
  end: Closed | undefined;
  readonly #agent: Agent;
  #resolveConnected: () => void = () => {};
  #rejectConnected: (error: Error) => void = () => {};
  #resolveClosed: (closed: Closed) => void = () => {};

  constructor(agent: Agent, id: number) {
    this.#agent = agent;
    this.id = id;
    this.connected = new Promise((resolve, reject) => {
      this.#resolveConnected = resolve;
      this.#rejectConnected = reject;
    });
    this.connected.catch(() => {}); // Whoever wants to know awaits it.
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  onConnected(localPort: number, localAddress = "", remotePort = 0, remoteAddress = ""): void {
    Object.assign(this, { localPort, localAddress, remotePort, remoteAddress });
    this.#resolveConnected();
  }

  onClosed(error: string | undefined, statistics: Statistics): void {
    this.end = { error, statistics };
    this.#rejectConnected(new Error(error ?? "closed"));
    this.#resolveClosed(this.end);
  }

  write(bytes: string | Uint8Array): void {
    const buffer = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Buffer.from(bytes);
    this.#agent.send({ op: "write", id: this.id, base64: buffer.toString("base64") });
  }

  flood(options: FloodOptions): void {
    this.#agent.send({ op: "flood", id: this.id, ...options });
  }

  /** Stops reading: when the buffers are full the window is zero. */
  pause(): void {
    this.#agent.send({ op: "pause", id: this.id });
  }

  resume(): void {
    this.#agent.send({ op: "resume", id: this.id });
  }

  /** Sends a FIN after what was written. */
  finish(): void {
    this.#agent.send({ op: "end", id: this.id });
  }

  destroy(): void {
    this.#agent.send({ op: "destroy", id: this.id });
  }

  async statistics(): Promise<Statistics> {
    if (this.end !== undefined) return this.end.statistics;
    const answer = this.#agent.statistics(this.id).then((event) => event.statistics);
    return Promise.race([answer, this.closed.then((closed) => closed.statistics)]);
  }

  /** Waits until so many bytes have been received. @throws where it closes before. */
  async received(bytes: number, timeoutMs = 30_000): Promise<Statistics> {
    const statistics = await until(`${bytes} bytes received`, async () => {
      const now = await this.statistics();
      return now.receivedBytes >= bytes || this.end !== undefined ? now : undefined;
    }, timeoutMs, 5);
    if (statistics.receivedBytes >= bytes) return statistics;
    throw new Error(`Waited for ${bytes} bytes: it closed (${this.end?.error ?? "orderly"}) after ${statistics.receivedBytes}`);
  }
}
