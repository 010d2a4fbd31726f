/** One network namespace of a lab: where commands run, and what its kernel says of its sockets and connections. */
import type { Lab, RunOptions, RunResult } from "./lab.ts";
import type { LabProcess } from "./process.ts";
import { until } from "./wait.ts";

export interface SocketTuple {
  localPort?: number;
  /** Without brackets. */
  remoteAddress?: string;
  remotePort?: number;
}

export interface SocketState {
  /** As `ss` writes it: ESTAB, SYN-SENT, FIN-WAIT-1, ... */
  state: string;
  local: string;
  remote: string;
  receiveQueueBytes: number;
  sendQueueBytes: number;
  /** The second line of `ss -tnio`: timers, congestion control, counters. */
  details: string;
}

export class Namespace {
  readonly lab: Lab;
  readonly name: string;

  constructor(lab: Lab, name: string) {
    this.lab = lab;
    this.name = name;
  }

  run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.lab.run(command, options, this.name);
  }

  /** Runs shell text in this namespace. */
  shell(text: string, options: RunOptions = {}): Promise<RunResult> {
    return this.run(["sh", "-euc", text], options);
  }

  start(command: readonly string[], options: RunOptions = {}): LabProcess {
    return this.lab.start(command, options, this.name);
  }

  /** Starts a TypeScript program with the Node.js that runs us. */
  startNode(file: string, args: readonly string[] = [], options: RunOptions = {}): LabProcess {
    return this.start([process.execPath, file, ...args], options);
  }

  /** Waits until something listens on a TCP port. @throws where `by` ends before, or after `timeoutMs`. */
  async listening(port: number, by?: LabProcess, timeoutMs = 30_000): Promise<void> {
    await until(`a listener on port ${port} in ${this.name}`, async () => {
      const { stdout } = await this.run(["ss", "-ltnH", `sport = :${port}`]);
      return stdout !== "" || by?.exit !== undefined;
    }, timeoutMs);
    if (by?.exit !== undefined) throw by.failure(`ended before it listened on port ${port}`);
  }

  /** Every TCP socket that is not listening and matches; an empty list says that it is gone. */
  async sockets(tuple: SocketTuple = {}): Promise<SocketState[]> {
    const filter: string[] = [];
    if (tuple.localPort !== undefined) filter.push(`sport = :${tuple.localPort}`);
    if (tuple.remotePort !== undefined) filter.push(`dport = :${tuple.remotePort}`);
    if (tuple.remoteAddress !== undefined) filter.push(`dst ${tuple.remoteAddress}`);
    const { stdout } = await this.run(["ss", "-tnioH", "state", "all", filter.join(" and ")].filter((word) => word !== ""));
    return parseSockets(stdout).filter((socket) => socket.state !== "LISTEN");
  }

  /** The state of the one socket that matches, or "gone" (also for TIME-WAIT, which no program holds). */
  async socketState(tuple: SocketTuple): Promise<string> {
    const alive = (await this.sockets(tuple)).filter((socket) => socket.state !== "TIME-WAIT");
    return alive[0]?.state ?? "gone";
  }

  /**
   * The TCP entries of this namespace's connection tracking, one line each as `conntrack -L` or
   * /proc/net/nf_conntrack writes them. Neither is there: undefined.
   */
  async conntrack(containing = ""): Promise<string[] | undefined> {
    const { stdout, code } = await this.run(
      ["sh", "-c", "cat /proc/net/nf_conntrack 2>/dev/null || { conntrack -L -f ipv4; conntrack -L -f ipv6; } 2>/dev/null"],
      { check: false },
    );
    if (code !== 0) return undefined;
    return stdout.split("\n").filter((line) => /\btcp\b/.test(line) && line.includes(containing));
  }

  /** The index of an interface. @throws where there is none of that name. */
  async interfaceIndex(device: string): Promise<number> {
    const { stdout } = await this.run(["ip", "-json", "link", "show", "dev", device]);
    return (JSON.parse(stdout) as { ifindex: number }[])[0]!.ifindex;
  }
}

/** Parses `ss -tnioH state all`: a line for each socket, its details indented on the next. */
export function parseSockets(text: string): SocketState[] {
  const sockets: SocketState[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    if (/^\s/.test(line)) {
      const last = sockets.at(-1);
      if (last) last.details = `${last.details} ${line.trim()}`.trim();
      continue;
    }
    const [state, receive, send, local, remote, ...rest] = line.trim().split(/\s+/);
    sockets.push({
      state: state!,
      receiveQueueBytes: Number(receive),
      sendQueueBytes: Number(send),
      local: local!,
      remote: remote!,
      details: rest.join(" "),
    });
  }
  return sockets;
}
