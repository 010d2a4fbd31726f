/** Threads for packet Workers, which load what they need while the main thread loads what it needs. */
import { Worker } from "node:worker_threads";
import type { SensorOptions } from "./options.ts";

/** Of a thread that keeps no big heap: the tables are outside of it. */
const YOUNG_GENERATION_MB = 4;

/** It waits for its WorkerStart, as its first message. */
export interface PacketThread {
  readonly worker: Worker;
  /** Resolves when it has ended, with why it should not have. */
  readonly ended: Promise<Error>;
}

/** None where packets are the main thread's. */
export function startPacketThreads({ capture, workers }: Pick<SensorOptions, "capture" | "workers">): PacketThread[] {
  return Array.from({ length: capture === "libpcap" ? 0 : workers }, (_, number) => startPacketThread(number));
}

function startPacketThread(number: number): PacketThread {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    name: `packets-${number}`,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  let fault: Error | undefined;
  worker.once("error", (error) => (fault = error as Error));
  const ended = new Promise<Error>((resolve) => {
    worker.once("exit", (code) => resolve(fault ?? new Error(`Cannot go on without packet Worker ${number}: it ended with code ${code}`)));
  });
  return { worker, ended };
}
