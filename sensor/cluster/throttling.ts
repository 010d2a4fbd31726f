/** How often the kernel has held this container back because of a processor limit: a reset waits as long. */
import { readFileSync } from "node:fs";

/** cgroup v2 first, then v1. */
const FILES = ["/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat", "/sys/fs/cgroup/cpu,cpuacct/cpu.stat"];
const LIMITS = ["/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"];

export interface Throttling {
  readonly periods: number;
  readonly seconds: number;
}

/** Undefined where no limit is set, or the kernel does not tell. */
export function readThrottling(files = FILES, limits = LIMITS): Throttling | undefined {
  const limit = firstReadable(limits)?.trim() ?? "max";
  if (limit.startsWith("max") || limit.startsWith("-1")) return undefined;
  const stat = firstReadable(files);
  return stat === undefined ? undefined : parseThrottling(stat);
}

export function parseThrottling(stat: string): Throttling | undefined {
  const value = (key: string): number | undefined => {
    const match = new RegExp(`^${key} (\\d+)$`, "m").exec(stat);
    return match === null ? undefined : Number(match[1]);
  };
  const periods = value("nr_throttled");
  const microseconds = value("throttled_usec") ?? (value("throttled_time") ?? 0) / 1_000;
  return periods === undefined ? undefined : { periods, seconds: microseconds / 1e6 };
}

function firstReadable(files: readonly string[]): string | undefined {
  for (const file of files) {
    try {
      return readFileSync(file, "utf8");
    } catch {
      // Of the other version, or hidden from us.
    }
  }
  return undefined;
}
