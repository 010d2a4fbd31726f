/** What a process of the lab has used, from /proc: from outside its process namespace, so that it does not notice. */
import { basename } from "node:path";
import { readdirSync, readFileSync } from "node:fs";

/** What `getconf CLK_TCK` says on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** The process that runs `program` at or below `pid` (nsenter and env stand before it). @throws where none does. */
export function processRunning(program: string, pid: number): number {
  const found = descendants(pid).find((candidate) => basename(readFileSync(`/proc/${candidate}/cmdline`, "utf8").split("\0")[0]!) === program);
  if (found === undefined) throw new Error(`Start ${program} before it is measured: no process below ${pid} runs it`);
  return found;
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

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").flatMap((child) => descendants(Number(child))))];
}
