/**
 * The control group that every process of the cluster is born in. It is how a cluster is found and removed whose
 * maker was killed before it could write down anything.
 */
import { readdirSync, readFileSync, rmdirSync } from "node:fs";
import { until } from "../../lab/mod.ts";
import { kill } from "./processes.ts";

/** As machine.sh names it. */
const GROUP = "flowreset-cluster";
const END_TIMEOUT_MS = 30_000;

/** Of each cgroup hierarchy of this machine the cluster's group, where it exists, with those below it, the deepest first. */
function groups(): string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n").map((line) => line.split(" "));
  return mounts.filter(([, , type]) => type === "cgroup" || type === "cgroup2").flatMap(([, path]) => tree(`${path}/${GROUP}`));
}

function tree(folder: string): string[] {
  try {
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...below.flatMap((entry) => tree(`${folder}/${entry.name}`)), folder];
  } catch {
    return []; // Not there, or gone meanwhile.
  }
}

function processesIn(folders: readonly string[]): number[] {
  const found = new Set<number>();
  for (const folder of folders) {
    try {
      for (const line of readFileSync(`${folder}/cgroup.procs`, "utf8").split("\n")) if (Number(line) > 1) found.add(Number(line));
    } catch {
      // Gone meanwhile.
    }
  }
  return [...found];
}

/** True where a process or a group of the cluster is there. */
export function clusterGroupExists(): boolean {
  return groups().length > 0;
}

/** Kills every process of the cluster, whoever started it, and removes its groups. */
export async function endClusterGroup(): Promise<void> {
  await until("the processes of the cluster to end", () => {
    const left = processesIn(groups());
    left.forEach(kill);
    return left.length === 0;
  }, END_TIMEOUT_MS, 50);
  await until("the cgroups of the cluster to go", () => {
    for (const folder of groups()) rmdirSync(folder); // EBUSY for a moment after the last process.
    return !clusterGroupExists();
  }, END_TIMEOUT_MS, 50);
}
