/**
 * A lab: network namespaces of its own in which real kernels and real tools meet. One keeper process holds a
 * private mount, network and process namespace (as an ordinary user inside a user namespace); everything else is
 * started inside. When the keeper ends, by us or because we died in whatever way, the kernel kills every process
 * and takes every namespace and interface with it.
 *
 *   await using lab = await Lab.open();
 *   const net = await bridge(lab);
 *   await net.client.run(["curl", "-s", `http://${net.server.ipv4}/`]);
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { compile } from "./compile.ts";
import { enterCommand, identity, REFUSED_HINT } from "./enter.ts";
import { Namespace } from "./namespace.ts";
import { LabProcess } from "./process.ts";
import { LAB_PATH, LAB_TOOLS, missingTools } from "./tools.ts";
import { until } from "./wait.ts";

/** The ordinary user inside a lab, for programs that refuse to be root (PostgreSQL, an unprivileged sshd). */
export const LAB_USER = "lab";
const LAB_UID_OF_ROOT = 54_321;

const SCRIPT_PRELUDE = `
at() { at_ns=$1; shift; nsenter --net=/run/netns/$at_ns "$@"; }
newns() {
  ip netns add $1
  at $1 sh -euc 'cd /proc/sys/net/ipv6/conf; for f in */accept_dad */accept_ra; do echo 0 >$f; done; ip link set lo up'
}`;

export interface RunOptions {
  /** Written to standard input, which is then closed. */
  input?: string;
  timeoutMs?: number;
  /** False: a failure is returned, not thrown. */
  check?: boolean;
  /** Run as the ordinary user `lab`. */
  asUser?: boolean;
  environment?: Record<string, string>;
  workingDirectory?: string;
}

export interface RunResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface ShownLink {
  operstate: string;
  addr_info: { family: string; scope: string; tentative?: boolean }[];
}

/** One answer of `ip -json addr show up`: a link with IPv6 must have its link-local address, and none may be on trial. */
function allUp(answer: string): boolean {
  return (JSON.parse(answer) as ShownLink[]).every(({ operstate, addr_info: addresses = [] }) => {
    const ipv6 = addresses.filter((address) => address.family === "inet6");
    const linkLocal = ipv6.some((address) => address.scope === "link" || address.scope === "host");
    return ["UP", "UNKNOWN"].includes(operstate) && (ipv6.length === 0 || linkLocal) && !ipv6.some((address) => address.tentative);
  });
}

export class Lab {
  /** A folder on disk that ends with the lab; the same path inside and outside, writable by the user `lab` in `home`. */
  readonly directory: string;
  readonly #keeper: ChildProcess;
  readonly #identity = identity();
  readonly #processes: LabProcess[] = [];
  readonly #namespaces = new Map<string, Namespace>();
  readonly #cleanups: (() => void | Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  private constructor(directory: string) {
    this.directory = directory;
    const user = `${LAB_USER}:x:${this.userId}:${this.userId}::${directory}/home:/bin/sh\n`;
    writeFileSync(`${directory}/passwd`, user + readFileSync("/etc/passwd", "utf8"));
    const home = `${directory}/home`;
    mkdirSync(home, { mode: 0o755 });
    if (this.#identity === "root") chownSync(home, this.userId, this.userId);
    // `cat` waits, not `read`: dash gives up reading when an orphan that it inherited ends.
    // When the pipe to it closes it kills what is left and ends; process 1 of a namespace takes all with it.
    const keep = `echo ready; cat >/dev/null; kill -9 -1; rm -rf "$1"`;
    const before = `mount --bind ${directory}/passwd /etc/passwd`;
    const command = enterCommand(["sh", "-c", keep, "keeper", directory], ["--pid", "--fork", "--kill-child", "--mount-proc"], before);
    this.#keeper = spawn(command[0]!, command.slice(1), { detached: true, stdio: "pipe", env: { ...process.env, PATH: LAB_PATH } });
  }

  /** @throws with the missing tools by name, or with what to allow where the kernel refuses namespaces. */
  static async open(tools: readonly string[] = []): Promise<Lab> {
    const missing = missingTools([...LAB_TOOLS, ...tools]);
    if (missing !== undefined) throw new Error(missing);
    const directory = mkdtempSync(`${tmpdir()}/flowreset-lab-${process.pid}-`);
    chmodSync(directory, 0o755);
    const lab = new Lab(directory);
    try {
      await lab.#untilReady();
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
    return lab;
  }

  #untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      let errors = "";
      this.#keeper.stderr!.on("data", (text) => (errors += text));
      this.#keeper.stdout!.once("data", () => resolve());
      this.#keeper.stdin!.on("error", () => {});
      this.#keeper.once("error", reject);
      this.#keeper.once("close", () => reject(new Error(`Cannot make private namespaces: ${REFUSED_HINT}: ${errors.trim()}`)));
    });
  }

  /** False in a user namespace: no eBPF, no real-time rights, one user beside root. */
  get isRealRoot(): boolean {
    return this.#identity === "root";
  }

  /** The user `lab`: any number as root; in a user namespace only the one that owns it is mapped. */
  get userId(): number {
    if (this.#identity === "root") return LAB_UID_OF_ROOT;
    if (this.#identity === "ordinary") return process.geteuid!();
    return Number(readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/)[1]);
  }

  /** How a command gets inside, and into the network namespace `name` (none: the keeper's own). */
  #wrap(command: readonly string[], name: string | undefined, options: RunOptions): string[] {
    const keeper = `/proc/${this.#keeper.pid}`;
    const user = this.#identity === "ordinary" ? [`--user=${keeper}/ns/user`, "--preserve-credentials"] : [];
    const net = name === undefined ? `${keeper}/ns/net` : `${keeper}/root/run/netns/${name}`;
    const variables = Object.entries(options.environment ?? {}).map(([key, value]) => `${key}=${value}`);
    return [
      "nsenter", ...user, `--mount=${keeper}/ns/mnt`, `--net=${net}`, `--pid=${keeper}/ns/pid_for_children`,
      "env", `--chdir=${options.workingDirectory ?? process.cwd()}`, ...variables,
      ...(options.asUser ? this.#asUser() : []),
      ...command,
    ];
  }

  #asUser(): string[] {
    const id = this.userId;
    const home = `HOME=${this.directory}/home`;
    if (this.#identity === "root") return ["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups", "env", home];
    return ["unshare", "--user", `--map-user=${id}`, `--map-group=${id}`, "env", home];
  }

  /** Starts a process that is ended with the lab. */
  start(command: readonly string[], options: RunOptions = {}, name?: string): LabProcess {
    if (this.#closing !== undefined) throw new Error(`Open a new lab to run ${command.join(" ")}: this one is closed`);
    const shown = name === undefined ? command : [`${name}:`, ...command];
    const child = new LabProcess(this.#wrap(command, name, options), shown, { ...process.env, PATH: LAB_PATH });
    this.#processes.push(child);
    if (options.input !== undefined) child.child.stdin!.end(options.input);
    void child.exited.then(() => this.#processes.splice(this.#processes.indexOf(child), 1));
    return child;
  }

  /** Runs a command to its end. @throws where it fails (unless `check` is false) or takes longer than `timeoutMs`. */
  async run(command: readonly string[], options: RunOptions = {}, name?: string): Promise<RunResult> {
    const child = this.start(command, { input: "", ...options }, name);
    const timeoutMs = options.timeoutMs ?? 30_000;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.signal("SIGKILL");
    }, timeoutMs);
    const exit = await child.exited;
    clearTimeout(timer);
    if (late) throw child.failure(`took longer than ${timeoutMs} ms`);
    if (exit.code !== 0 && options.check !== false) throw child.failure("failed");
    return { code: exit.code, stdout: child.stdout, stderr: child.stderr };
  }

  /**
   * Runs shell text inside and stops at the first failure. At hand: `newns NAME` makes a namespace whose IPv6
   * addresses are usable at once, `at NAMESPACE COMMAND...` runs in one.
   */
  async script(text: string): Promise<string> {
    return (await this.run(["sh", "-euc", `${SCRIPT_PRELUDE}\n${text}`])).stdout;
  }

  /**
   * Waits until every interface of these namespaces carries and has its IPv6 addresses: the kernel reports a
   * carrier up to a second late, and until then a first packet is lost.
   */
  async settled(...names: readonly string[]): Promise<void> {
    const show = names.map((name) => `ip -n ${name} -json addr show up`).join("\n");
    await until(`interfaces of ${names.join(", ")} to be up`, async () => (await this.script(show)).trim().split("\n").every(allUp));
  }

  /** Starts a C program of the lab (`relay`, `redirect_peer`) and waits until it is ready. */
  async startProgram(name: string, args: readonly string[]): Promise<LabProcess> {
    const child = this.start([compile(name, this.directory), ...args]);
    await child.waitForOutput(/^ready$/m);
    return child;
  }

  /** Makes a network namespace with `lo` up, or returns the one of that name. */
  async namespace(name: string): Promise<Namespace> {
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    await this.script(`newns ${name}`);
    return this.adoptNamespace(name);
  }

  /** The namespace that a script has made. */
  adoptNamespace(name: string): Namespace {
    const namespace = this.#namespaces.get(name) ?? new Namespace(this, name);
    this.#namespaces.set(name, namespace);
    return namespace;
  }

  /** Ends a namespace, and with it its interfaces; its processes must be stopped by who started them. */
  async removeNamespace(name: string): Promise<void> {
    if (this.#namespaces.delete(name)) await this.script(`ip netns delete ${name}`);
  }

  /** Registers something to undo when the lab ends; the last is undone first. */
  onClose(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Ends every process, the last started first, then the namespaces and the folder. May be called twice. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
    for (const child of [...this.#processes].reverse()) await child.stop();
    const ended = new Promise((resolve) => this.#keeper.once("close", resolve));
    if (this.#keeper.exitCode === null && this.#keeper.signalCode === null) {
      this.#keeper.stdin!.end();
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
