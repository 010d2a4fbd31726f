/**
 * A ring in a Worker, for capture.test.ts: prints one JSON line for each frame and for what was asked on standard
 * input ("statistics", "pause", "resume", "wake", "filter JSON", "stop").
 *
 *   node captureProbe.ts '{"ring": {...}, "filter": {...}}'
 */
import { createInterface } from "node:readline";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { closeWakeHandle, compileFilter, openRing, openWakeHandle, wake } from "../../../sensor/capture/mod.ts";
import type { CaptureFilter, CaptureStatistics, RingOptions } from "../../../sensor/capture/mod.ts";
import type { Frame } from "../../../sensor/decode/mod.ts";
import { loadNative } from "../../../sensor/native/mod.ts";

export interface ProbeOptions {
  ring?: Omit<RingOptions, "filter" | "wakeHandle">;
  /** Absent: no filter at all. */
  filter?: CaptureFilter;
  /** Give up every capability but these bits before the ring is opened. */
  keepCapabilities?: number;
  /** Print the bytes too. */
  bytes?: boolean;
}

export interface ProbeFrame {
  interfaceIndex: number;
  direction: number;
  linkType: number;
  wireLength: number;
  capturedLength: number;
  checksum: number;
  vlanTci: number;
  vlanTpid: number;
  timestampMs: number;
  /** Hex of the first 64 bytes, or of all. */
  bytes: string;
}

export type ProbeEvent =
  | { event: "ready"; capabilities: number }
  | { event: "frame"; frame: ProbeFrame }
  | { event: "statistics"; statistics: CaptureStatistics }
  | { event: "woken" }
  | { event: "paused" }
  | { event: "failed"; message: string };

/** Words shared with the Worker. */
const Shared = { Stop: 0, Pause: 1, Statistics: 2, FilterLength: 3, Words: 4 } as const;
const FILTER_BYTES = 32_768;

interface WorkerInput {
  options: ProbeOptions;
  shared: Int32Array;
  filter: Uint8Array;
  wakeHandle: number;
}

if (isMainThread) control(JSON.parse(process.argv[2]) as ProbeOptions);
else capture(workerData as WorkerInput);

function control(options: ProbeOptions): void {
  if (options.keepCapabilities !== undefined) loadNative().dropCapabilities(options.keepCapabilities);
  const shared = new Int32Array(new SharedArrayBuffer(Shared.Words * 4));
  const filter = new Uint8Array(new SharedArrayBuffer(FILTER_BYTES));
  const wakeHandle = openWakeHandle();
  const input: WorkerInput = { options, shared, filter, wakeHandle };
  const worker = new Worker(new URL(import.meta.url), { workerData: input });
  worker.on("message", (event: ProbeEvent) => console.log(JSON.stringify(event)));
  worker.on("exit", () => {
    closeWakeHandle(wakeHandle);
    process.exit();
  });
  const lines = createInterface({ input: process.stdin });
  const tell = (word: number, value: number): void => {
    Atomics.store(shared, word, value);
    Atomics.notify(shared, word);
    wake(wakeHandle);
  };
  lines.on("line", (line) => {
    const [command, argument] = [line.split(" ", 1)[0], line.slice(line.indexOf(" ") + 1)];
    if (command === "statistics") tell(Shared.Statistics, 1);
    if (command === "pause") tell(Shared.Pause, 1);
    if (command === "resume") tell(Shared.Pause, 0);
    if (command === "wake") wake(wakeHandle);
    if (command === "stop") tell(Shared.Stop, 1);
    if (command === "filter") {
      const code = compileFilter(JSON.parse(argument) as CaptureFilter);
      filter.set(code);
      tell(Shared.FilterLength, code.length);
    }
  });
  lines.on("close", () => tell(Shared.Stop, 1));
}

function capture({ options, shared, filter, wakeHandle }: WorkerInput): void {
  const say = (event: ProbeEvent): void => parentPort!.postMessage(event);
  try {
    const ring = openRing({ ...options.ring, wakeHandle, ...(options.filter && { filter: compileFilter(options.filter) }) });
    say({ event: "ready", capabilities: loadNative().effectiveCapabilities() });
    const visit = (frame: Frame): void => {
      frame.rest?.fetch(frame);
      say({ event: "frame", frame: copy(frame, options.bytes === true) });
    };
    while (Atomics.load(shared, Shared.Stop) === 0) {
      if (Atomics.load(shared, Shared.Pause) === 1) {
        say({ event: "paused" });
        Atomics.wait(shared, Shared.Pause, 1);
      }
      const count = ring.poll(-1, visit);
      if (count === 0) say({ event: "woken" });
      if (Atomics.exchange(shared, Shared.Statistics, 0) === 1) say({ event: "statistics", statistics: { ...ring.statistics() } });
      const length = Atomics.exchange(shared, Shared.FilterLength, 0);
      if (length > 0) ring.setFilter(Uint8Array.from(filter.subarray(0, length)));
    }
    ring.close();
  } catch (error) {
    say({ event: "failed", message: (error as Error).message });
  }
}

function copy(frame: Frame, whole: boolean): ProbeFrame {
  const length = whole ? frame.capturedLength : Math.min(64, frame.capturedLength);
  const bytes = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset + frame.offset, length).toString("hex");
  return {
    interfaceIndex: frame.interfaceIndex,
    direction: frame.direction,
    linkType: frame.linkType,
    wireLength: frame.wireLength,
    capturedLength: frame.capturedLength,
    checksum: frame.checksum,
    vlanTci: frame.vlanTci,
    vlanTpid: frame.vlanTpid,
    timestampMs: frame.timestampMs,
    bytes,
  };
}
