/**
 * Private namespaces: nothing that runs inside is seen by the machine. As root they are mount, network and
 * (for labs) process namespaces; an ordinary user first gets a user namespace, in which it is root.
 *
 * As a program it runs a command inside: `node test/lab/enter.ts COMMAND...`; the exit code is the command's.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { LAB_PATH, LAB_TOOLS, missingTools } from "./tools.ts";

/** Set inside, so that a program can tell. */
export const ENTERED_VARIABLE = "FLOWRESET_LAB_ENTERED";

/** A fresh /run gives `ip netns` a place of its own (/run/netns), and sshd and others theirs. */
const PREPARE = "mount -t tmpfs -o mode=755 lab /run && mkdir -p /run/netns /run/sshd /run/lock && ip link set lo up";

/** Who we are to the kernel: real root, root of a user namespace with one mapped user, or an ordinary user. */
export function identity(): "root" | "mapped" | "ordinary" {
  if (process.geteuid!() !== 0) return "ordinary";
  const [, , count] = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/);
  return Number(count) === 1 ? "mapped" : "root";
}

/** `unshare` with the flags that this user needs. */
function unshareCommand(extra: readonly string[]): string[] {
  const user = identity() === "ordinary" ? ["--user", "--map-root-user"] : [];
  return ["unshare", ...user, "--mount", "--net", ...extra];
}

/** The command line that runs `command` inside; the shell text `before` is run first, as root inside. */
export function enterCommand(command: readonly string[], extra: readonly string[] = [], before = ":"): string[] {
  return [...unshareCommand(extra), "--", "sh", "-c", `${PREPARE} && ${before} && exec "$@"`, "lab", ...command];
}

/** What to do when the kernel refuses. */
export const REFUSED_HINT =
  "run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, " +
  "kernel.apparmor_restrict_unprivileged_userns=0)";

if (import.meta.main) {
  const missing = missingTools(LAB_TOOLS);
  const command = process.argv.slice(2);
  if (missing !== undefined || command.length === 0) {
    console.error(missing ?? "Give the command to run: node test/lab/enter.ts COMMAND...");
    process.exit(2);
  }
  const [program, ...rest] = enterCommand(command);
  // The terminal sends Ctrl-C to the command too: stay until it has cleaned up.
  process.on("SIGINT", () => {});
  const result = spawnSync(program!, rest, {
    stdio: "inherit",
    env: { ...process.env, PATH: LAB_PATH, [ENTERED_VARIABLE]: "1" },
  });
  if (result.error) console.error(`Cannot enter private namespaces: ${REFUSED_HINT}: ${result.error.message}`);
  process.exit(result.status ?? 1);
}
