/** Connections along the paths of a topology, held by programs at both ends. */
import { expect } from "vitest";
import { Agent } from "../mod.ts";
import type { Connection, Listener, Station } from "../mod.ts";

/** Where every server listens. */
export const SERVER_PORT = 8080;
/** Client ports are given out one by one, so that a port names one connection of the whole lab. */
const FIRST_CLIENT_PORT = 20_000;

export const FAMILIES = ["ipv4", "ipv6"] as const;
export type Family = (typeof FAMILIES)[number];

/** From a client's program to a server's. */
export interface Path {
  readonly from: Station;
  readonly to: Station;
  /** What the client calls, where that is not the server's own address. */
  readonly calls?: { readonly ipv4: string; readonly ipv6: string; readonly port: number };
  /** False: nobody on its way tracks its connections. */
  readonly tracked?: boolean;
}

/** A connection that has said something and heard it back. */
export interface Session {
  readonly path: Path;
  readonly client: Connection;
  readonly server: Connection;
  /** As the client sees the server. */
  readonly host: string;
  readonly port: number;
}

export class Sessions {
  readonly #agents = new Map<string, Promise<{ agent: Agent; listener: Listener }>>();
  #nextPort = FIRST_CLIENT_PORT;

  async open(path: Path, family: Family): Promise<Session> {
    const { from, to, calls } = path;
    const [{ agent }, { listener }] = await Promise.all([this.#at(from), this.#at(to)]);
    const [host, port] = [(calls ?? to)[family], calls?.port ?? SERVER_PORT];
    const client = await agent.connect({ host, port, localPort: this.#nextPort++ });
    const server = await listener.acceptedFrom(client.localPort);
    await echoes(client);
    return { path, client, server, host, port };
  }

  /** The program that holds the sockets of a station. */
  #at({ namespace }: Station): Promise<{ agent: Agent; listener: Listener }> {
    const known = this.#agents.get(namespace.name);
    if (known !== undefined) return known;
    const made = Agent.start(namespace).then(async (agent) => ({ agent, listener: await agent.listen({ port: SERVER_PORT, behaviour: "echo" }) }));
    this.#agents.set(namespace.name, made);
    return made;
  }
}

/** @throws where what is said does not come back. */
export async function echoes(connection: Connection): Promise<void> {
  const { receivedBytes } = await connection.statistics();
  connection.write("hello");
  await connection.received(receivedBytes + 5);
}

/** Waits for both ends' programs, then asks both kernels. @throws where one lives on */
export async function isDead(session: Session): Promise<void> {
  expect((await session.client.closed).error).toBe("ECONNRESET");
  await session.server.closed;
  expect(await socketStates(session)).toEqual(["gone", "gone"]);
}

/** The sockets of both ends, as their kernels have them. */
export function socketStates({ path: { from, to }, client, server }: Session): Promise<string[]> {
  return Promise.all([
    from.namespace.socketState({ localPort: client.localPort }),
    to.namespace.socketState({ localPort: server.localPort, remotePort: server.remotePort }),
  ]);
}
