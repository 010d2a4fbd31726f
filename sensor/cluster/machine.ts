/** Which boot of which kernel, and which network namespace of it, this is: interface numbers begin anew with each. */
import { readFileSync, readlinkSync } from "node:fs";
import { uptime } from "node:os";

export function machineIdentity(): string {
  return `${read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())} ${read(() => readlinkSync("/proc/self/ns/net"))}`;
}

/** Milliseconds since 1970, by the clock as it is set now. */
export function machineStartMs(): number {
  return Date.now() - uptime() * 1_000;
}

/** What cannot be read makes every start another machine: nothing is believed that might be old. */
function read(call: () => string): string {
  try {
    return call();
  } catch {
    return `unknown-${process.pid}-${Date.now()}`;
  }
}
