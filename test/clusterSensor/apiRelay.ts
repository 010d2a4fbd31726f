/**
 * The API server as a lab's node reaches it: a relay that listens in the node's namespace, joined by a Unix socket to
 * one outside of the lab. Cut, it is an API server that has gone.
 *
 * Run as a program it is the half inside: `apiRelay.ts PORT SOCKET`.
 */
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { join } from "node:path";
import type { Namespace } from "../lab/mod.ts";

export class ApiRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens at the API server's own address and port, in the node's namespace. @param url "https://127.0.0.1:PORT" */
  static async open(node: Namespace, url: string): Promise<ApiRelay> {
    const { hostname, port } = new URL(url);
    const path = join(node.lab.directory, `api-${node.name}-${port}.sock`);
    const relay = new ApiRelay(createServer((socket) => relay.#join(socket, connect(Number(port), hostname))));
    await new Promise<void>((resolve) => relay.#server.listen(path, resolve));
    node.lab.onClose(() => relay.close());
    const inside = node.startNode(import.meta.filename, [hostname, port, path]);
    await node.listening(Number(port), inside);
    return relay;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #join(inner: Socket, outer: Socket): void {
    for (const socket of [inner, outer]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        inner.destroy();
        outer.destroy();
      });
    }
    if (this.#isCut) return void inner.destroy();
    inner.pipe(outer).pipe(inner);
  }
}

if (process.argv[1] === import.meta.filename) {
  const [host, port, path] = process.argv.slice(2);
  const server = createServer((near) => {
    const far = connect(path!);
    for (const socket of [near, far]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  server.listen(Number(port), host);
}
