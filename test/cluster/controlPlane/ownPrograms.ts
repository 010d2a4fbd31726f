/**
 * Programs that end with this process, however it ends: the kernel kills them when it dies (PR_SET_PDEATHSIG), and
 * a keeper that waits for the same removes their folder.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Programs } from "./programs.ts";

const GRACE_MS = 5_000;
const LAST_WORDS_CHARACTERS = 2_000;

export class OwnPrograms implements Programs {
  readonly directory = mkdtempSync(`${tmpdir()}/flowreset-apiserver-`);
  readonly #children = new Map<string, ChildProcess>();
  readonly #keeper: ChildProcess;

  constructor() {
    // Its own session: a Ctrl-C that ends the tests must leave it to remove what they leave.
    this.#keeper = spawn("sh", ["-c", 'cat >/dev/null; rm -rf "$0"', this.directory], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    this.#keeper.stdin!.on("error", () => {});
  }

  async start(name: string, command: readonly string[]): Promise<void> {
    if (await this.isRunning(name)) return;
    const log = openSync(this.#log(name), "a");
    const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], { detached: true, stdio: ["ignore", log, log] });
    closeSync(log);
    this.#children.set(name, child);
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  }

  async stop(name: string, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined || hasEnded(child)) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    await ended;
    clearTimeout(timer);
  }

  async isRunning(name: string): Promise<boolean> {
    const child = this.#children.get(name);
    return child !== undefined && !hasEnded(child);
  }

  lastWords(name: string): string {
    return readFileSync(this.#log(name), "utf8").slice(-LAST_WORDS_CHARACTERS);
  }

  /** Kills what still runs, the last started first, and removes the folder. */
  async close(): Promise<void> {
    for (const name of [...this.#children.keys()].reverse()) await this.stop(name, "SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
    this.#keeper.stdin!.end();
  }

  #log(name: string): string {
    return `${this.directory}/${name}.log`;
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
