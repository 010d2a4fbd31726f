/** A reset on a machine where no sensor runs: one is started in this process, looks, resets, and ends. */
import type { ResetLine, ResetSpec } from "../sensor/control/mod.ts";
import { DEFAULT_SENSOR_OPTIONS } from "../sensor/options.ts";
import type { Surroundings } from "./surroundings.ts";

export interface OneShot {
  spec: ResetSpec;
  interfaces: readonly string[];
  /** A fresh sensor knows no connection: it has to see their packets first. */
  lookMs: number;
  /** spec.hold. */
  holdMs: number;
  stopFile: string;
  signal: AbortSignal;
  surroundings: Surroundings;
}

/** Rejects with the sensor's own error. A hold keeps it until the hold is over or a signal comes. */
export async function resetByOneShot(
  { spec, interfaces, lookMs, holdMs, stopFile, signal, surroundings }: OneShot,
  follow: (lines: AsyncIterable<ResetLine>) => Promise<void>,
): Promise<void> {
  const { stderr } = surroundings;
  const sensor = await surroundings.runSensor({
    ...DEFAULT_SENSOR_OPTIONS,
    interfaces,
    listen: undefined,
    events: "none",
    socket: undefined,
    stopFile,
    logLevel: "error",
  });
  // Whatever ends it, the answer's stream says so too; nobody else waits for this one.
  sensor.finished.catch(() => {});
  try {
    if (lookMs > 0) stderr.write(`no sensor runs: looking at traffic for ${lookMs / 1000} s\n`);
    await sleep(lookMs, signal);
    if (signal.aborted) return;
    await follow(sensor.control.reset(spec, signal));
    if (holdMs <= 0 || spec.dryRun === true || signal.aborted) return;
    stderr.write(`holding for ${spec.hold}; interrupt to end it sooner\n`);
    await sleep(holdMs, signal);
  } finally {
    await sensor.close();
  }
}

/** Ends early, without an error, when the signal comes. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (ms <= 0 || signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1));
    signal.addEventListener("abort", done);
  });
}
