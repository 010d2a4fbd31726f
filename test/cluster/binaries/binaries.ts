/**
 * Brings etcd, Kubernetes and Helm: from KUBEBUILDER_ASSETS (a folder, the convention of controller-runtime's
 * envtest) what is there, else from a cache, else built from their Go modules into it, once (about ten minutes
 * on two cores, and 3 GB of Go's own build cache).
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { env } from "node:process";
import { COMMANDS, goModule } from "./goModule.ts";
import type { CommandName } from "./goModule.ts";
import { Progress } from "./progress.ts";

const ELSEWHERE = "or set KUBEBUILDER_ASSETS to a folder that has it";
/** What `flock` ends with when somebody else holds the lock. */
const LOCKED = 75;

/** Where each of `names` is, after those that were missing are built. @throws with what to install. */
export async function bringBinaries<Name extends CommandName>(names: readonly Name[]): Promise<Readonly<Record<Name, string>>> {
  const missing = names.filter((name) => !existsSync(binaryPath(name)));
  if (missing.length > 0) {
    const go = findGo(missing);
    const progress = new Progress(missing.map((name) => ({ name, usualSeconds: COMMANDS[name].usualSeconds })));
    for (const name of missing) await progress.during(name, () => build(go, name));
  }
  return Object.fromEntries(names.map((name) => [name, binaryPath(name)])) as Record<Name, string>;
}

function binaryPath(name: CommandName): string {
  const given = `${env["KUBEBUILDER_ASSETS"]}/${name}`;
  if (env["KUBEBUILDER_ASSETS"] && existsSync(given)) return given;
  return `${cacheFolder()}/${goModule(name).key}/${name}`;
}

export function cacheFolder(): string {
  return `${env["XDG_CACHE_HOME"] || `${homedir()}/.cache`}/flowreset`;
}

function findGo(missing: readonly CommandName[]): string {
  const needed = missing.map((name) => goModule(name).goVersion).sort(byVersion).at(-1)!;
  for (const go of ["go", "/usr/local/go/bin/go"]) {
    try {
      const own = execFileSync(go, ["env", "GOVERSION"], { encoding: "utf8", cwd: "/" }).trim().replace(/^go/, "");
      if (byVersion(own, needed) >= 0) return go;
      throw new Error(`Cannot build ${missing.join(", ")}: install Go ${needed} or newer, ${ELSEWHERE}: current value is ${own}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new Error(`Cannot build ${missing.join(", ")}: install Go ${needed} or newer and put it on the PATH, ${ELSEWHERE}: there is no Go`);
}

function byVersion(left: string, right: string): number {
  return left.localeCompare(right, "en", { numeric: true });
}

/** Two runs at once build each command once: the second waits at the lock and finds it made. */
async function build(go: string, name: CommandName): Promise<void> {
  const { key, source, linkerFlags } = goModule(name);
  const made = `${cacheFolder()}/${key}`;
  const target = `${made}/${name}`;
  mkdirSync(made, { recursive: true });
  // Go writes its findings into a go.mod that was not there: their sums are checked with its checksum database.
  const isKept = "folder" in source;
  if (!isKept && !existsSync(`${made}/go.mod`)) writeFileSync(`${made}/go.mod`, source.goMod);
  const folder = isKept ? source.folder : made;
  const command = [go, "build", "-trimpath", `-mod=${isKept ? "readonly" : "mod"}`, "-p", "2", "-ldflags", linkerFlags, "-o", `${target}.part`, COMMANDS[name].package];
  const script = `[ -e "$0" ] || { "$@" && mv "$0.part" "$0"; }`;
  const locked = ["flock", "--nonblock", "--conflict-exit-code", `${LOCKED}`, `${target}.lock`, "sh", "-c", script, target, ...command];
  if ((await run(locked, folder)) !== LOCKED) return;
  console.error(`another run is building ${name}: waiting for it`);
  await run(locked.filter((word) => word !== "--nonblock"), folder);
}

/** Ends with us, however we end: a build that nobody waits for would go on for minutes. */
function run(command: readonly string[], folder: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
      cwd: folder,
      env: { ...env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: "off" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4_000)));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0 || code === LOCKED) resolve(code);
      else reject(new Error(`Cannot build from ${folder}, go ended with ${code}: ${said.trim()}`));
    });
  });
}
