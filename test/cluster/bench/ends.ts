/** Real connections between two network namespaces, and when each of their ends died (ends.c). */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { compile } from "../../lab/compile.ts";
import { until } from "../../lab/mod.ts";

const OPEN_MS = 10_000;

export interface EndsPlace {
  /** Paths of network namespaces. */
  readonly clientNetns: string;
  readonly serverNetns: string;
  readonly serverAddress: string;
  readonly port: number;
}

export interface Death {
  /** As ECONNRESET; EOF: it was closed in order. */
  readonly error: string;
  /** Of `monotonicMs`. */
  readonly atMs: number;
}

/** CLOCK_MONOTONIC, which every process of this machine shares. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class Ends {
  readonly #child: ChildProcess;
  readonly #opened: number[] = [];
  readonly #deaths = new Map<string, Death>();
  #said = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
    createInterface({ input: child.stdout! }).on("line", (line) => this.#read(line));
    child.stdin!.on("error", () => {});
  }

  static async start({ clientNetns, serverNetns, serverAddress, port }: EndsPlace): Promise<Ends> {
    const program = compile("ends", tmpdir(), import.meta.dirname);
    const child = spawn("setpriv", ["--pdeathsig", "KILL", program, clientNetns, serverNetns, serverAddress, String(port)], { stdio: "pipe" });
    const ends = new Ends(child);
    await until("both ends to be ready", () => ends.#isReady || ends.#fault(), OPEN_MS);
    return ends;
  }

  #isReady = false;

  #read(line: string): void {
    const [word, ...rest] = line.split(" ") as [string, ...string[]];
    if (word === "ready") this.#isReady = true;
    else if (word === "open") this.#opened.push(Number(rest[0]));
    else this.#deaths.set(`${rest[0]} ${rest[1]}`, { error: rest[2]!, atMs: Number(rest[3]) });
  }

  #fault(): never | undefined {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error(`Cannot hold connections: ${this.#said.trim()}`);
    return undefined;
  }

  /** @returns the client's port. */
  async open(): Promise<number> {
    this.#child.stdin!.write("open\n");
    return until("a connection", () => this.#opened.shift() ?? this.#fault(), OPEN_MS, 2);
  }

  /** Undefined where an end lives on after `timeoutMs`; it is closed then. */
  async bothDead(port: number, timeoutMs: number): Promise<{ readonly client: Death; readonly server: Death } | undefined> {
    const found = (): { client: Death; server: Death } | undefined => {
      const [client, server] = [this.#deaths.get(`client ${port}`), this.#deaths.get(`server ${port}`)];
      return client && server ? { client, server } : undefined;
    };
    try {
      return await until("both ends to die", () => found() ?? this.#fault(), timeoutMs, 2);
    } catch {
      this.#fault();
      this.#child.stdin!.write(`close ${port}\n`);
      return undefined;
    } finally {
      for (const side of ["client", "server"]) this.#deaths.delete(`${side} ${port}`);
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}
