/**
 * One simulated machine: Linux namespaces of its own (files, network, processes, host name, cgroups) with a small
 * init, made by machine.sh. Programs in it outlive us; everything ends with the init, as with the power of a machine.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { until } from "../../lab/mod.ts";
import { firstChild, isAlive, processIdentity } from "./processes.ts";
import type { ProcessIdentity } from "./processes.ts";
import type { Programs } from "../controlPlane/programs.ts";

const SCRIPT = `${import.meta.dirname}/machine.sh`;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const RUN_TIMEOUT_MS = 60_000;
const START_TIMEOUT_MS = 30_000;
const GRACE_SECONDS = 15;
const LAST_WORDS_CHARACTERS = 2_000;

export interface MachineState {
  readonly name: string;
  /** Holds its file systems and logs. */
  readonly folder: string;
  readonly init: ProcessIdentity;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** False: a failure is returned, not thrown. */
  readonly check?: boolean;
  readonly timeoutMs?: number;
}

export class Machine implements Programs {
  readonly state: MachineState;

  constructor(state: MachineState) {
    this.state = state;
  }

  /** Makes a machine with nothing but `lo`. */
  static async boot(name: string, folder: string): Promise<Machine> {
    mkdirSync(folder, { recursive: true });
    const log = openSync(`${folder}/machine.log`, "a");
    const child = spawn("sh", [SCRIPT, "enter", name, folder], { detached: true, stdio: ["ignore", log, log], env: { PATH } });
    closeSync(log);
    child.unref();
    const outcome = await until(`the machine ${name} to start`, () => {
      if (child.exitCode !== null) return new Error(`Cannot start the machine ${name}: ${readFileSync(`${folder}/machine.log`, "utf8").trim()}`);
      return existsSync(`${folder}/ready`) ? firstChild(child.pid!) : undefined;
    }, START_TIMEOUT_MS);
    if (outcome instanceof Error) throw outcome;
    await runCommand(["sh", SCRIPT, "place", name, String(child.pid)], `placing ${name}`);
    return new Machine({ name, folder, init: processIdentity(outcome)! });
  }

  get name(): string {
    return this.state.name;
  }

  /** The process id of its init as this machine knows it. */
  get pid(): number {
    return this.state.init.pid;
  }

  isUp(): boolean {
    return isAlive(this.state.init);
  }

  /** The words before a command that is to run inside, in the network namespace `netns` (a path inside) where told. */
  enter(netns?: string): string[] {
    const inside = ["nsenter", `--target=${this.pid}`, "--mount", "--net", "--uts", "--ipc", "--pid", "--cgroup", "--wd=/", "--"];
    return netns === undefined ? inside : [...inside, "nsenter", `--net=${netns}`, "--"];
  }

  /** Runs a command inside to its end. @throws where it fails, unless `check` is false. */
  run(command: readonly string[], options: CommandOptions = {}, netns?: string): Promise<CommandResult> {
    return runCommand([...this.enter(netns), ...command], `${this.name}: ${command.join(" ")}`, options);
  }

  /** Runs shell text inside and stops at the first failure; `args` are $1, $2, ... @returns standard output. */
  async shell(text: string, ...args: readonly string[]): Promise<string> {
    return (await this.run(["sh", "-euc", text, "sh", ...args])).stdout;
  }

  /** Writes a file inside, with the folders above it. */
  async write(path: string, text: string): Promise<void> {
    await this.run(["sh", "-euc", 'mkdir -p "$(dirname "$1")"; cat > "$1"; chmod 600 "$1"', "sh", path], { input: text });
  }

  async start(name: string, command: readonly string[]): Promise<void> {
    if (await this.isRunning(name)) return;
    const detached = 'echo $$ > "/run/programs/$0.pid"; exec "$@" >> "/var/log/$0.log" 2>&1 < /dev/null';
    const inside = [...this.enter(), "setsid", "--fork", "sh", "-euc", detached, name, ...command];
    await runCommand(["sh", SCRIPT, "join", this.name, ...inside], `${this.name}: ${command.join(" ")}`);
    await until(`${name} to start on ${this.name}`, () => this.isRunning(name), START_TIMEOUT_MS);
  }

  async stop(name: string, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const text = `
      pid=$(cat "/run/programs/$1.pid" 2>/dev/null) || exit 0
      kill -"$2" "$pid" 2>/dev/null || true
      tries=$(($3 * 20))
      while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries - 1)); [ $tries -gt 0 ] || kill -KILL "$pid"
        sleep 0.05
      done
      rm -f "/run/programs/$1.pid"`;
    await this.shell(text, name, signal.slice(3), String(GRACE_SECONDS));
  }

  async isRunning(name: string): Promise<boolean> {
    return (await this.run(["sh", "-c", 'kill -0 "$(cat "/run/programs/$0.pid")"', name], { check: false })).code === 0;
  }

  /** All that a program has said, over all its starts. */
  output(name: string): string {
    return readFileSync(`${this.state.folder}/var/log/${name}.log`, "utf8");
  }

  lastWords(name: string): string {
    return this.output(name).slice(-LAST_WORDS_CHARACTERS);
  }
}

/** Runs a command of this machine to its end. @param shown how errors name it. */
export function runCommand(command: readonly string[], shown: string, options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), {
      env: { PATH, LC_ALL: "C" },
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? RUN_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin?.on("error", () => {}); // It may end before it has read all.
    child.stdin?.end(options.input);
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0 || options.check === false) resolve({ code, stdout, stderr });
      else reject(new Error(`${shown} failed (${code ?? signal}): ${`${stderr}${stdout}`.trim().slice(-LAST_WORDS_CHARACTERS)}`));
    });
  });
}
