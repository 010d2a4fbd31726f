/**
 * The program that holds sockets in a namespace: commands on standard input, events on standard output (see
 * protocol.ts). `agent.ts` starts and drives it. It ends with its standard input.
 */
import { createHash } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { AgentConnection } from "./agentConnection.ts";
import { floodBlock, FIRST_ACCEPTED_ID } from "./protocol.ts";
import type { Command, Event } from "./protocol.ts";
import { acceptWebSocket } from "./webSocket.ts";

const connections = new Map<number, AgentConnection>();
let nextAcceptedId = FIRST_ACCEPTED_ID;

function say(event: Event): void {
  if (event.event === "closed") connections.delete(event.id);
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

interface ListeningServer {
  on(event: "error", listener: (error: Error) => void): unknown;
  listen(options: { port: number; host: string; backlog: number; ipv6Only: boolean }, done: () => void): unknown;
}

/** A socket for each family, so that no address shows as IPv4-mapped. */
function announce(command: Command & { op: "listen" | "http" }, make: () => ListeningServer): void {
  const hosts = command.host === undefined ? ["0.0.0.0", "::"] : [command.host];
  let left = hosts.length;
  for (const host of hosts) {
    const server = make();
    server.on("error", (error) => say({ event: "failed", id: command.id, error: error.message }));
    server.listen({ port: command.port, host, backlog: 4096, ipv6Only: true }, () => {
      if (--left === 0) say({ event: "listening", id: command.id, port: command.port });
    });
  }
}

function listen(command: Command & { op: "listen" }): void {
  announce(command, () => createServer({ noDelay: true }, (socket) => {
    const id = nextAcceptedId++;
    connections.set(id, new AgentConnection(id, socket, command.behaviour, command.trigger, say));
    say({
      event: "accepted", id, listener: command.id, localPort: socket.localPort!,
      remotePort: socket.remotePort!, remoteAddress: socket.remoteAddress!,
    });
  }));
}

function open(command: Command & { op: "connect" }): void {
  const { host, port, localPort, localAddress } = command;
  const socket = connect({ host, port, ...(localPort ? { localPort } : {}), ...(localAddress ? { localAddress } : {}) });
  connections.set(command.id, new AgentConnection(command.id, socket, "sink", command.trigger, say));
  socket.once("connect", () => {
    say({ event: "connected", id: command.id, localPort: socket.localPort!, localAddress: socket.localAddress! });
  });
}

/** GET /bytes/N gives N bytes; anything posted is counted and hashed; the rest says "ok"; an upgrade echoes. */
function serveHttp(command: Command & { op: "http" }): void {
  const block = floodBlock();
  announce(command, () => createHttpServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    const wanted = /^\/bytes\/(\d+)$/.exec(request.url ?? "");
    if (request.method === "POST" || request.method === "PUT") {
      const hash = createHash("sha256");
      let bytes = 0;
      request.on("data", (chunk: Buffer) => {
        hash.update(chunk);
        bytes += chunk.length;
      });
      request.on("end", () => response.end(`${JSON.stringify({ bytes, sha256: hash.digest("hex") })}\n`));
      return;
    }
    request.resume();
    if (wanted === null) return void response.end("ok\n");
    let left = Number(wanted[1]);
    response.setHeader("content-length", left);
    const more = (): void => {
      while (left > 0 && !response.destroyed) {
        const chunk = block.subarray(0, left);
        left -= chunk.length;
        if (!response.write(chunk)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  }).on("upgrade", (request, socket) => acceptWebSocket(request, socket)));
}

function onCommand(command: Command): void {
  if (command.op === "listen") return listen(command);
  if (command.op === "connect") return open(command);
  if (command.op === "http") return serveHttp(command);
  const connection = connections.get(command.id);
  if (connection === undefined) return;
  switch (command.op) {
    case "write": connection.write(Buffer.from(command.base64, "base64")); break;
    case "flood": connection.flood(command.bytes, command.bytesPerSecond, command.trigger, command.triggerAt ?? 0); break;
    case "pause": connection.socket.pause(); break;
    case "resume": connection.socket.resume(); break;
    case "end": connection.socket.end(); break;
    case "destroy": connection.socket.destroy(); break;
    case "stat": say({ event: "stat", request: command.request, statistics: connection.statistics() });
  }
}

createInterface(process.stdin).on("line", (line) => onCommand(JSON.parse(line) as Command)).on("close", () => process.exit(0));
say({ event: "ready" });
