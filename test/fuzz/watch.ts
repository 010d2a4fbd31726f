/**
 * Runs a fuzz body in a Worker of its own and watches it: an exception, a hang or growth ends the run with the seed
 * and the number of the input that did it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort, Worker, workerData } from "node:worker_threads";

export interface FuzzRun {
  readonly inputs: number;
  readonly seed: number;
}

/** What one input is put through; `check` looks at what may not grow. */
export interface FuzzBody {
  input(number: number): void;
  /** Throws where something has outgrown its limit. */
  check(): void;
  /** One line about what was reached, so that a run which reaches nothing is seen. */
  summary(): string;
}

export interface FuzzResult {
  readonly summary: string;
  readonly heapGrowthBytes: number;
  readonly inputs: number;
}

const DEFAULT_INPUTS = 1_000_000;
const DEFAULT_SEED = 20_260_101;
/** Nothing takes this long: a run whose counter stands still is a hang. */
const HANG_MS = 60_000;
/** Heap that may come on top between a tenth of the run and its end: compiled code, counters that became doubles. */
export const HEAP_GROWTH_LIMIT_BYTES = 8 << 20;

const CHECK_EVERY = 4096;

/** FUZZ_INPUTS and FUZZ_SEED, or the defaults of `make test`. */
export function fuzzRun(): FuzzRun {
  const number = (name: string, otherwise: number): number => {
    const text = process.env[name];
    if (text === undefined || text === "") return otherwise;
    if (!/^\d+$/.test(text)) throw new Error(`Cannot fuzz: give ${name} a whole number, not ${text}`);
    return Number(text);
  };
  return { inputs: Math.max(number("FUZZ_INPUTS", DEFAULT_INPUTS), 10), seed: number("FUZZ_SEED", DEFAULT_SEED) };
}

/** Far more than a run takes: a hang is found by its counter. */
export function timeoutMs(run: FuzzRun): number {
  return 600_000 + run.inputs;
}

/** Starts the Worker file `body` and waits for its end; rejects with seed and input number. */
export async function watch(body: URL, run: FuzzRun): Promise<FuzzResult> {
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(body, { workerData: { ...run, progress } });
  let last = -1;
  const again = `FUZZ_SEED=${run.seed}, input ${"%"}`;
  const where = () => again.replace("%", String(Atomics.load(progress, 0)));
  try {
    return await new Promise<FuzzResult>((resolve, reject) => {
      const timer = setInterval(() => {
        const now = Atomics.load(progress, 0);
        // The first input waits for the seeds.
        if (now === last && now > 0) reject(new Error(`No end after ${HANG_MS} ms: ${where()}`));
        last = now;
      }, HANG_MS);
      worker.once("message", (result: FuzzResult) => (clearInterval(timer), resolve(result)));
      worker.once("error", (error: unknown) => {
        clearInterval(timer);
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        reject(new Error(`${where()}: ${reason}`));
      });
    });
  } finally {
    await worker.terminate();
  }
}

/** The Worker's side: feeds `body` and answers with the result. */
export function serve(body: FuzzBody): void {
  const { inputs, progress } = workerData as FuzzRun & { progress: Int32Array };
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const warm = Math.floor(inputs / 10);
  let heapBytes = 0;
  for (let number = 1; number <= inputs; number++) {
    Atomics.store(progress, 0, number);
    body.input(number);
    if (number % CHECK_EVERY === 0) body.check();
    if (number === warm) heapBytes = measure(collect);
  }
  body.check();
  const result: FuzzResult = { summary: body.summary(), heapGrowthBytes: measure(collect) - heapBytes, inputs };
  parentPort!.postMessage(result);
}

/** The seed of this Worker's run. */
export function seedOfRun(): number {
  return (workerData as FuzzRun).seed;
}

function measure(collect: () => void): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
