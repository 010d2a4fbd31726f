/** A process in a lab: its output is kept, all that it started is ended with it. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { until } from "./wait.ts";

/** Of each output stream the last so many characters are kept. */
const OUTPUT_LIMIT_CHARACTERS = 4 << 20;
/** How long a process may take to end by itself before it is killed. */
const GRACE_MS = 2_000;

export interface Exit {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export class LabProcess {
  readonly command: readonly string[];
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout = "";
  stderr = "";
  exit: Exit | undefined;
  /** Called with each whole line of standard output. */
  onLine: ((line: string) => void) | undefined;
  #partialLine = "";

  /** @param shown how the command is named in errors: without the way into the namespace. */
  constructor(command: readonly string[], shown: readonly string[], environment: NodeJS.ProcessEnv) {
    this.command = shown;
    // Detached: a group of its own, so that what it starts ends with it and a Ctrl-C does not reach it.
    this.child = spawn(command[0]!, command.slice(1), { detached: true, stdio: "pipe", env: environment });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => this.#onOutput(text));
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-OUTPUT_LIMIT_CHARACTERS);
    });
    this.child.stdin!.on("error", () => {}); // It may end before it has read all.
    this.exited = new Promise((resolve) => {
      const done = (exit: Exit) => resolve((this.exit = exit));
      this.child.on("close", (code, signal) => done({ code, signal }));
      this.child.on("error", (error) => {
        this.stderr += String(error);
        done({ code: 127, signal: null });
      });
    });
  }

  /** The process that runs the command, behind the way into its namespace; undefined where it could not start or has ended. */
  get innermostPid(): number | undefined {
    const pid = this.child.pid;
    return pid === undefined || this.exit !== undefined ? undefined : (descendants(pid)[0] ?? pid);
  }

  #onOutput(text: string): void {
    this.stdout = (this.stdout + text).slice(-OUTPUT_LIMIT_CHARACTERS);
    if (this.onLine === undefined) return;
    const lines = (this.#partialLine + text).split("\n");
    this.#partialLine = lines.pop()!;
    for (const line of lines) this.onLine(line);
  }

  write(text: string): void {
    this.child.stdin!.write(text);
  }

  /** Waits until its standard output or error matches. @throws when it ends or `timeoutMs` passes before. */
  async waitForOutput(pattern: RegExp, timeoutMs = 30_000): Promise<RegExpMatchArray> {
    const match = await until(`${pattern} from ${this.command.join(" ")}`, () => {
      const found = this.stdout.match(pattern) ?? this.stderr.match(pattern);
      return found ?? (this.exit ? "ended" : undefined);
    }, timeoutMs);
    if (typeof match === "string") throw this.failure(`ended before it said ${pattern}`);
    return match;
  }

  /**
   * Sends a signal to it and to everything that it started; nothing happens where it has ended. `nsenter`, which
   * waits outside, is left alone: if it died first, what is inside would wait for the machine's init to reap it.
   */
  signal(name: NodeJS.Signals): void {
    const pid = this.child.pid;
    if (this.exit !== undefined || pid === undefined) return;
    const inside = descendants(pid);
    for (const target of inside.length === 0 ? [-pid] : inside) send(target, name);
    // It stops when its child does.
    if (name === "SIGCONT" || name === "SIGKILL") send(-pid, "SIGCONT");
  }

  /** Ends it and everything that it started. */
  async stop(name: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.child.stdin!.end();
    this.signal(name);
    const timer = setTimeout(() => this.signal("SIGKILL"), GRACE_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  failure(what: string): Error {
    const status = this.exit ? `exit ${this.exit.code ?? this.exit.signal}` : "still running";
    const output = `${this.stderr}${this.stdout}`.trim().slice(-2_000);
    return new Error(`${this.command.join(" ")} ${what} (${status}): ${output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function send(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // Ended meanwhile.
  }
}

/** Every process below `pid`, the deepest first. */
function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? [] : children.split(" ").map(Number).flatMap((child) => [...descendants(child), child]);
  } catch {
    return []; // Ended meanwhile, or a kernel without CONFIG_PROC_CHILDREN.
  }
}
