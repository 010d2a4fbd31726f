/** Memory of a process as the kernel counts it. */
import { readFileSync } from "node:fs";

export interface Resident {
  /** VmRSS: what is mapped and in memory; its own part, and the part that files stand behind (programs, the ring). */
  readonly totalMb: number;
  readonly ownMb: number;
  readonly fileMb: number;
  /** Pages that several processes share counted in part. */
  readonly proportionalMb: number;
}

/** @param proc where the process has this number: another /proc for one in a process namespace of its own. */
export function residentOf(pid: number, proc = "/proc"): Resident {
  const status = readFileSync(`${proc}/${pid}/status`, "utf8");
  const rollup = readFileSync(`${proc}/${pid}/smaps_rollup`, "utf8");
  return { totalMb: megabytes(status, "VmRSS"), ownMb: megabytes(status, "RssAnon"), fileMb: megabytes(status, "RssFile"), proportionalMb: megabytes(rollup, "Pss") };
}

/** As goals are written: 1 MB is 1024 kB. */
function megabytes(text: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text);
  if (match === null) throw new Error(`Cannot find ${field} in what /proc says of a process`);
  return Math.round((Number(match[1]) / 1024) * 10) / 10;
}
