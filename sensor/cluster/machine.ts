/** Which boot of which kernel, and which network namespace of it, this is: interface numbers begin anew with each. */
import { readFileSync, readlinkSync } from "node:fs";

export function machineIdentity(): string {
  return `${read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())} ${read(() => readlinkSync("/proc/self/ns/net"))}`;
}

/** What cannot be read makes every start another machine: nothing is believed that might be old. */
function read(call: () => string): string {
  try {
    return call();
  } catch {
    return `unknown-${process.pid}-${Date.now()}`;
  }
}
