/** What a process of the lab has used, from /proc: from outside its process namespace, so that it does not notice. */
import { readdirSync, readFileSync } from "node:fs";
import type { LabProcess } from "../lab/mod.ts";

/** What `getconf CLK_TCK` says on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** The process that runs the command (nsenter and env stand before it). @throws where it has ended. */
export function pidOf(process: LabProcess): number {
  const pid = process.innermostPid;
  if (pid === undefined) throw process.failure("has ended");
  return pid;
}

/** utime + stime of all its threads, in nanoseconds. */
export function cpuNs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field, in parentheses, may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e9;
}

/** Times that its threads went to sleep of their own will: rests and waits for packets, nearly all. */
export function sleeps(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    sum += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return sum;
}
