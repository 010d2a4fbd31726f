/**
 * The real operator as a process of its own, as it is installed (types stripped) and as in a pod: it finds its service
 * account's files where kubelet would put them, in a mount namespace of its own.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installedCopy } from "../../bench/installed.ts";
import { until } from "../../lab/mod.ts";
import type { PrivateApiServer } from "../mod.ts";
import { INSTALL_NAMESPACE, OPERATOR_ACCOUNT, SENSOR_ACCOUNT } from "./names.ts";
import { streamAddress } from "./reportConnection.ts";
import type { StreamAddress } from "./reportConnection.ts";

const READY_MS = 60_000;
const GRACE_MS = 10_000;
const LAST_WORDS = 2_000;
const STREAM_PORT = 8_443;
const CONTAINERFILE = join(import.meta.dirname, "../../../images/Containerfile");
const CONFIG_MAP = `/api/v1/namespaces/${INSTALL_NAMESPACE}/configmaps/flowreset-report-stream`;
/** As the chart's values have it: by this limit Node.js sizes its heap. */
const MEMORY_LIMIT_BYTES = 512 << 20;
/** $1 names a memory cgroup (version 1 or 2), $2 holds the service account's files; the rest is the program. /var/run is /run. */
const ENTER = `if [ -d /sys/fs/cgroup/memory ]; then group=/sys/fs/cgroup/memory/$1 limit=memory.limit_in_bytes; else group=/sys/fs/cgroup/$1 limit=memory.max; fi
mkdir -p "$group"
echo ${MEMORY_LIMIT_BYTES} > "$group/$limit"
echo $$ > "$group/cgroup.procs"
shift
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io
cp -r "$1" /run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"`;

const SWEEP = `cat >/dev/null
rm -rf "$0"
for folder in /sys/fs/cgroup/memory/$1 /sys/fs/cgroup/$1; do
  for try in 1 2 3 4 5; do [ -d "$folder" ] && ! rmdir "$folder" && sleep 0.2; done
done`;

/** OPERATOR_FLAGS="--cpu-prof --cpu-prof-dir=/somewhere" has Node.js say where its time goes. */
function ownFlags(): string[] {
  return (process.env["OPERATOR_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");
}

/** What the image says of every process in it. */
function imageEnvironment(): Record<string, string> {
  const words = [...readFileSync(CONTAINERFILE, "utf8").matchAll(/^ENV (.+)$/gm)].flatMap(([, line]) => line!.split(" "));
  return Object.fromEntries(words.map((word) => word.split("=", 2)));
}

export class OperatorProcess {
  readonly #child: ChildProcess;
  readonly #keeper: ChildProcess;
  readonly #log: string;

  private constructor(child: ChildProcess, directory: string, group: string, log: string) {
    this.#child = child;
    this.#log = log;
    // Takes away what is left also when we are killed: its standard input ends with us, and the operator does.
    this.#keeper = spawn("sh", ["-c", SWEEP, directory, group], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    this.#keeper.stdin!.on("error", () => {});
  }

  /** Resolves when it has said where reports go. */
  static async start(server: PrivateApiServer): Promise<OperatorProcess> {
    const directory = mkdtempSync(`${tmpdir()}/flowreset-operator-`);
    const account = join(directory, "account");
    mkdirSync(account);
    writeFileSync(join(account, "token"), await server.createToken({ namespace: INSTALL_NAMESPACE, name: OPERATOR_ACCOUNT }), { mode: 0o600 });
    writeFileSync(join(account, "ca.crt"), server.caPem);
    writeFileSync(join(account, "namespace"), INSTALL_NAMESPACE);
    const program = installedCopy(join(directory, "installed"));
    const group = `flowreset-bench-${process.pid}`;
    const log = join(directory, "log");
    const output = openSync(log, "a");
    const { hostname, port } = new URL(server.url);
    const { status } = await server.request("DELETE", CONFIG_MAP);
    if (status !== 200 && status !== 404) throw new Error(`Cannot remove ${CONFIG_MAP}: ${status}`);
    const command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-euc", ENTER, "sh", group, account, process.execPath, ...ownFlags(), program, "operator"];
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ["ignore", output, output],
      env: {
        ...imageEnvironment(),
        PATH: process.env["PATH"],
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
        POD_NAME: "flowreset-operator-bench",
        POD_NAMESPACE: INSTALL_NAMESPACE,
        POD_IP: "127.0.0.1",
        SENSOR_SERVICE_ACCOUNT: SENSOR_ACCOUNT,
        SENSOR_IMAGE: "registry.example/flowreset:bench",
      },
    });
    closeSync(output);
    const operator = new OperatorProcess(child, directory, group, log);
    try {
      await until("the operator to say where reports go", async () => {
        if (operator.hasEnded) return true;
        return (await server.request("GET", CONFIG_MAP)).status === 200;
      }, READY_MS, 100);
      if (operator.hasEnded) throw new Error("It ended before it said where reports go");
    } catch (error) {
      const words = operator.lastWords();
      await operator.close();
      throw new Error(`Cannot start the operator: ${(error as Error).message}: ${words}`, { cause: error });
    }
    return operator;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** @throws where it has ended by itself. */
  checkAlive(): void {
    if (this.hasEnded) throw new Error(`The operator ended with ${this.#child.exitCode ?? this.#child.signalCode}: ${this.lastWords()}`);
  }

  /** As its ConfigMap says, but straight to the process: there is no kube-proxy here. */
  async streamAddress(server: PrivateApiServer): Promise<StreamAddress> {
    const { data } = await server.expect("GET", CONFIG_MAP);
    return streamAddress(`https://127.0.0.1:${STREAM_PORT}`, data);
  }

  lastWords(): string {
    return readFileSync(this.#log, "utf8").slice(-LAST_WORDS);
  }

  async close(): Promise<void> {
    if (!this.hasEnded) {
      const ended = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGTERM");
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), GRACE_MS);
      await ended;
      clearTimeout(timer);
    }
    const swept = new Promise((resolve) => this.#keeper.once("exit", resolve));
    this.#keeper.stdin!.end();
    await swept;
  }
}
