/**
 * Sockets in a namespace, driven from the test: any number of listeners and connections in one process.
 *
 *   const server = await Agent.start(net.server.namespace);
 *   const client = await Agent.start(net.client.namespace);
 *   const listener = await server.listen({ port: 9000, behaviour: "sink", trigger: "SECRET" });
 *   const connection = await client.connect({ host: net.server.ipv4, port: 9000 });
 *   connection.flood({ bytes: 1e9, trigger: "SECRET", triggerAt: 1e6 });
 *   const { error } = await connection.closed;      // "ECONNRESET"
 *   (await listener.accepted(0)).statistics()       // bytesAfterTrigger
 */
import type { Namespace } from "../namespace.ts";
import type { LabProcess } from "../process.ts";
import { until } from "../wait.ts";
import { Connection } from "./connection.ts";
import type { Behaviour, Command, Event } from "./protocol.ts";

export interface ListenOptions {
  port: number;
  behaviour?: Behaviour;
  /** Bytes after it are counted. */
  trigger?: string;
  /** All addresses of both families unless told. */
  host?: string;
}

export interface ConnectOptions {
  host: string;
  port: number;
  localPort?: number;
  localAddress?: string;
  trigger?: string;
}

export class Listener {
  readonly port: number;
  readonly connections: Connection[] = [];

  constructor(port: number) {
    this.port = port;
  }

  /** The connection that was accepted as the `number`th (from 0). */
  accepted(number = 0, timeoutMs = 30_000): Promise<Connection> {
    return until(`connection ${number} at port ${this.port}`, () => this.connections[number], timeoutMs, 2);
  }

  /** The accepted connection whose peer uses that port. */
  acceptedFrom(remotePort: number, timeoutMs = 30_000): Promise<Connection> {
    const find = () => this.connections.find((connection) => connection.remotePort === remotePort);
    return until(`a connection from port ${remotePort} at port ${this.port}`, find, timeoutMs, 2);
  }
}

export class Agent {
  readonly process: LabProcess;
  readonly #connections = new Map<number, Connection>();
  readonly #listeners = new Map<number, Listener>();
  readonly #waiting = new Map<number, (event: Event) => void>();
  readonly #statistics = new Map<number, (event: Event & { event: "stat" }) => void>();
  #nextId = 1;

  private constructor(child: LabProcess) {
    this.process = child;
    child.onLine = (line) => this.#onEvent(JSON.parse(line) as Event);
  }

  static async start(namespace: Namespace): Promise<Agent> {
    const child = namespace.startNode(`${import.meta.dirname}/agentProgram.ts`);
    const ready = child.waitForOutput(/"ready"/);
    const agent = new Agent(child);
    await ready;
    return agent;
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const id = this.#nextId++;
    const { event, port } = await this.#ask<Event & { event: "listening" }>(id, { op: "listen", id, behaviour: "sink", ...options });
    return this.#listener(id, event, port);
  }

  /** An HTTP server that also answers websockets: GET /bytes/N, POST (counts and hashes), anything else "ok". */
  async http(port = 80): Promise<Listener> {
    const id = this.#nextId++;
    const answer = await this.#ask<Event & { event: "listening" }>(id, { op: "http", id, port });
    return this.#listener(id, answer.event, answer.port);
  }

  #listener(id: number, _event: "listening", port: number): Listener {
    const listener = new Listener(port);
    this.#listeners.set(id, listener);
    return listener;
  }

  /** @throws with the errno name where it is refused. */
  async connect(options: ConnectOptions): Promise<Connection> {
    const connection = this.open(options);
    await connection.connected;
    return connection;
  }

  /** Begins to connect: `connected` and `closed` of the result say how it went. */
  open(options: ConnectOptions): Connection {
    const id = this.#nextId++;
    const connection = new Connection(this, id);
    this.#connections.set(id, connection);
    this.send({ op: "connect", id, ...options });
    return connection;
  }

  send(command: Command): void {
    this.process.write(`${JSON.stringify(command)}\n`);
  }

  /** Asks for the statistics of a connection that lives. */
  statistics(id: number): Promise<Event & { event: "stat" }> {
    const request = this.#nextId++;
    return new Promise((resolve) => {
      this.#statistics.set(request, resolve);
      this.send({ op: "stat", id, request });
    });
  }

  #ask<T extends Event>(id: number, command: Command): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (event) => (event.event === "failed" ? reject(new Error(event.error)) : resolve(event as T)));
      this.send(command);
    });
  }

  #onEvent(event: Event): void {
    switch (event.event) {
      case "listening":
      case "failed":
        this.#waiting.get(event.id)?.(event);
        this.#waiting.delete(event.id);
        break;
      case "connected":
        this.#connections.get(event.id)?.onConnected(event.localPort, event.localAddress);
        break;
      case "accepted": {
        const connection = new Connection(this, event.id);
        connection.onConnected(event.localPort, undefined, event.remotePort, event.remoteAddress);
        this.#connections.set(event.id, connection);
        // The listener itself is announced first, but its promise may not have been seen yet.
        queueMicrotask(() => this.#listeners.get(event.listener)?.connections.push(connection));
        break;
      }
      case "closed":
        this.#connections.get(event.id)?.onClosed(event.error, event.statistics);
        this.#connections.delete(event.id);
        break;
      case "stat":
        this.#statistics.get(event.request)?.(event);
        this.#statistics.delete(event.request);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}
