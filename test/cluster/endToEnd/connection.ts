/** Connections between workloads, told by both their ends: by what the process says, and by the kernel's sockets. */
import { until } from "../../lab/mod.ts";

const OPEN_TIMEOUT_MS = 30_000;

/** A place where a workload runs: a pod's container, or the world outside. */
export interface Place {
  /** What its process has said so far. */
  said(): Promise<string>;
  /** Runs a command of this machine in its network. */
  run(command: readonly string[]): Promise<{ readonly stdout: string }>;
}

export interface Death {
  /** EOF, or the error's name. */
  readonly how: string;
  /** Unix time in milliseconds. */
  readonly atMs: number;
}

/** A server, and what it knows of each of its callers. */
export class Server {
  readonly address: string;
  readonly port: number;
  readonly place: Place;

  constructor(address: string, port: number, place: Place) {
    this.address = address;
    this.port = port;
    this.place = place;
  }

  /** Address and port of those who called, as it sees them, in the order in which they came. */
  async callers(): Promise<string[]> {
    return [...(await this.place.said()).matchAll(/^open \S+ (\S+) /gm)].map(([, remote]) => remote!);
  }

  /** How its end of a connection died. */
  async ended(caller: string, timeoutMs = OPEN_TIMEOUT_MS): Promise<Death> {
    return until(`the server's end of ${caller} to die`, async () => deathOf(await this.place.said(), caller, "remote"), timeoutMs, 50);
  }

  /** Whether the kernel has a socket of that caller's connection, established. */
  async hasSocket(caller: string): Promise<boolean> {
    return (await sockets(this.place)).some(({ remote }) => remote === caller);
  }
}

/** A client's end of one connection. */
export class Connection {
  readonly local: string;
  readonly remote: string;
  readonly place: Place;

  constructor(local: string, remote: string, place: Place) {
    this.local = local;
    this.remote = remote;
    this.place = place;
  }

  /** Waits until the place says that it has opened one. */
  static async opened(what: string, place: Place): Promise<Connection> {
    const [, local, remote] = await until(`${what} to open`, async () => (await place.said()).match(/^open (\S+) (\S+) /m), OPEN_TIMEOUT_MS, 50);
    return new Connection(local!, remote!, place);
  }

  get endpoint(): { ip: string; port: number } {
    return endpointOf(this.local);
  }

  async ended(timeoutMs = OPEN_TIMEOUT_MS): Promise<Death> {
    return until(`the client's end of ${this.local} to die`, async () => deathOf(await this.place.said(), this.local, "local"), timeoutMs, 50);
  }

  /** It is established, and bytes come back on it from now on. @throws where not so. */
  async goesOn(): Promise<void> {
    const received = async () => {
      const found = (await sockets(this.place)).find(({ local }) => local === this.local);
      if (found === undefined) throw new Error(`The connection ${this.local} to ${this.remote} is gone: its process says ${(await this.place.said()).trim().split("\n").at(-1)}`);
      return found.received;
    };
    const before = await received();
    await until(`bytes to come back on ${this.local}`, async () => (await received()) > before, OPEN_TIMEOUT_MS, 50);
  }

  async hasSocket(): Promise<boolean> {
    return (await sockets(this.place)).some(({ local }) => local === this.local);
  }
}

/** Of 10.244.1.7:80 or [fd00:244::7]:80. */
export function endpointOf(text: string): { ip: string; port: number } {
  const at = text.lastIndexOf(":");
  return { ip: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
}

/** The same the other way round. */
export function endpointText(ip: string, port: number | string): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function deathOf(said: string, end: string, side: "local" | "remote"): Death | undefined {
  for (const [, local, remote, how, at] of said.matchAll(/^end (\S+) (\S+) (\S+) \d+ (\S+)$/gm)) {
    if ((side === "local" ? local : remote) === end) return { how: how!, atMs: Number(at) };
  }
  return undefined;
}

/** The established TCP sockets of a place's network. */
async function sockets(place: Place): Promise<{ local: string; remote: string; received: number }[]> {
  const { stdout } = await place.run(["ss", "--tcp", "--numeric", "--no-header", "--info", "--oneline", "state", "established"]);
  return stdout.split("\n").flatMap((line) => {
    const [, , local, remote] = line.trim().split(/\s+/);
    return remote === undefined ? [] : [{ local: local!, remote, received: Number(line.match(/bytes_received:(\d+)/)?.[1] ?? 0) }];
  });
}
