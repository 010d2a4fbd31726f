/**
 * When memory is given back: soon after the start (what loading and compiling needed), and after each time of work that
 * made the process grow. A node that gets a hundred pods makes some hundred megabytes of garbage, and V8 collects it
 * only when there is more to be had: left alone it stays for as long as nothing happens.
 *
 * In the main thread only: a collection in a Worker would throw compiled code away (V8 drops what it knew of objects
 * that died), and the first attack would pay for it.
 */
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What starts with the process has come to rest. */
const START_MS = 2_000;
const LOOK_MS = 15_000;
/** Less is not worth a pause of the thread. */
const GROWTH_BYTES = 8 << 20;
/** Busy for a smaller part of the time since the last look, a thread rests. */
const REST_UTILIZATION = 0.1;

export interface RestingMemoryOptions {
  /** Gives back what is not V8's. */
  readonly releaseMore?: () => void;
  readonly onRelease?: (release: { readonly beforeMb: number; readonly afterMb: number; readonly tookMs: number }) => void;
}

/** Ends when disposed. */
export function releaseWhenResting({ releaseMore, onRelease }: RestingMemoryOptions = {}): Disposable {
  const growth = new Growth();
  let usage = performance.eventLoopUtilization();
  const look = (): void => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, usage);
    usage = now;
    if (growth.isDue(ownBytes(), utilization)) release();
  };
  const release = (): void => {
    const beganMs = performance.now();
    const before = ownBytes();
    collectGarbage();
    releaseMore?.();
    const after = ownBytes();
    growth.restAt(after);
    onRelease?.({ beforeMb: megabytes(before), afterMb: megabytes(after), tookMs: Math.round(performance.now() - beganMs) });
  };
  let timer = setTimeout(() => {
    release();
    timer = setInterval(look, LOOK_MS).unref();
  }, START_MS).unref();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** How far the process has grown since it last gave back. */
export class Growth {
  #restBytes = Infinity;

  restAt(bytes: number): void {
    this.#restBytes = bytes;
  }

  /** @param utilization part of the time since the last look in which the thread was busy, 0 to 1 */
  isDue(bytes: number, utilization: number): boolean {
    // What the kernel took or another thread freed: growth is counted from there.
    this.#restBytes = Math.min(this.#restBytes, bytes);
    return utilization < REST_UTILIZATION && bytes - this.#restBytes >= GROWTH_BYTES;
  }
}

/** What no file stands behind: pages of programs come back by themselves after each release. */
function ownBytes(): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) * 1_024;
}

/** About 25 ms of a heap of 24 MB, measured. "last-resort" also gives V8's reserves back. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}

function megabytes(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}
