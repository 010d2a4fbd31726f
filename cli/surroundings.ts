/** What the commands see of the world, so that a test can give them another one. */
import type { OperatorOptions, RunningOperator } from "../operator/options.ts";
import type { ReplayOptions, ReplaySummary, RunningSensor, SensorOptions } from "../sensor/options.ts";

/** A terminal, pipe or file to write to. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface Surroundings {
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  uid: number;
  now(): Date;
  /** Calls back for each signal of a person or an init system; returns how to stop listening. */
  onSignal(listener: (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => void): () => void;
  runSensor(options: SensorOptions): Promise<RunningSensor>;
  runOperator(options: OperatorOptions): Promise<RunningOperator>;
  replay(options: ReplayOptions): Promise<ReplaySummary>;
}

/** The real ones. Sensor and operator are loaded when they are called. */
export function realSurroundings(): Surroundings {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    uid: process.getuid?.() ?? 0,
    now: () => new Date(),
    onSignal(listener) {
      const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
      const calls = signals.map((signal) => () => listener(signal));
      signals.forEach((signal, i) => process.on(signal, calls[i]));
      return () => signals.forEach((signal, i) => process.removeListener(signal, calls[i]));
    },
    runSensor: async (options) => (await import("../sensor/start.ts")).startSensor(options),
    runOperator: async (options) => (await import("../operator/main.ts")).runOperator(options),
    replay: async (options) => (await import("../sensor/replay.ts")).replay(options),
  };
}
