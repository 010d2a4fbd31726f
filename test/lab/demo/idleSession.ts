/** Idle sessions that somebody holds: real ssh, or real websockets where sshd cannot run. */
import { Agent, SshServer, WebSocketSession } from "../mod.ts";
import type { Network } from "../mod.ts";

const HTTP_PORT = 8_088;

export interface IdleSession {
  readonly kind: string;
  readonly clientPort: number;
  readonly serverPort: number;
  /** Writes a line and waits for it to come back. */
  echo(text: string): Promise<void>;
  /** Waits until the client's program knows that it is over, and says how it ended. */
  ending(): Promise<string>;
}

/** Two sessions of one client to one server, logged in, with nothing more to say. */
export async function openIdleSessions(net: Network, say: (text: string) => void): Promise<[IdleSession, IdleSession]> {
  try {
    const server = await SshServer.start(net.server);
    return [await sshSession(net, server), await sshSession(net, server)];
  } catch (error) {
    say(`no ssh server can run here, websockets stand for it: ${(error as Error).message.split("\n")[0]}`);
    const [agent, web] = await Promise.all([Agent.start(net.client.namespace), Agent.start(net.server.namespace)]);
    await web.http(HTTP_PORT);
    return [await webSocket(net, agent), await webSocket(net, agent)];
  }
}

async function sshSession(net: Network, server: SshServer): Promise<IdleSession> {
  const before = await clientPorts(net, server.port);
  const ssh = await server.session(net.client);
  const port = (await clientPorts(net, server.port)).find((candidate) => !before.includes(candidate));
  if (port === undefined) throw ssh.failure("has no socket");
  return {
    kind: "ssh session",
    clientPort: port,
    serverPort: server.port,
    async echo(text) {
      ssh.write(`${text}\n`);
      await ssh.waitForOutput(new RegExp(text));
    },
    async ending() {
      const { code, signal } = await ssh.exited;
      return `ssh exits with ${code ?? signal}: ${ssh.stderr.trim().split("\n").at(-1)!.trim() || "no word"}`;
    },
  };
}

async function webSocket(net: Network, agent: Agent): Promise<IdleSession> {
  const session = await WebSocketSession.open(agent, net.server.ipv4, HTTP_PORT);
  return {
    kind: "websocket",
    clientPort: session.connection.localPort,
    serverPort: HTTP_PORT,
    echo: (text) => session.echo(text),
    ending: async () => `its client sees ${(await session.connection.closed).error ?? "an orderly end"}`,
  };
}

async function clientPorts(net: Network, serverPort: number): Promise<number[]> {
  const sockets = await net.client.namespace.sockets({ remotePort: serverPort });
  return sockets.map(({ local }) => Number(local.slice(local.lastIndexOf(":") + 1)));
}

/** What a session's client has sent and received, as its kernel counts it; "gone" where there is no socket. */
export async function bytesExchanged(net: Network, session: IdleSession): Promise<string> {
  const [socket] = await net.client.namespace.sockets({ localPort: session.clientPort, remotePort: session.serverPort });
  return socket === undefined ? "gone" : (socket.details.match(/\bbytes_(sent|received):\d+/g) ?? []).join(" ");
}

/** The states of its socket at the client and at the server; "gone" where there is none. */
export function socketStates(net: Network, { clientPort, serverPort }: IdleSession): Promise<string[]> {
  return Promise.all([
    net.client.namespace.socketState({ localPort: clientPort, remotePort: serverPort }),
    net.server.namespace.socketState({ localPort: serverPort, remotePort: clientPort }),
  ]);
}
