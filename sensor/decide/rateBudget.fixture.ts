/** A Worker that asks for one connection after the other, each in the name of a source of its own, and counts what it gets. */
import { parentPort, workerData } from "node:worker_threads";
import { Bucket, RateBudget } from "./rateBudget.ts";

export interface Spender {
  readonly memory: SharedArrayBuffer;
  /** One word: Workers that are ready. All begin together. */
  readonly ready: SharedArrayBuffer;
  readonly workers: number;
  readonly worker: number;
  readonly capacity: number;
  readonly asks: number;
  readonly nowMs: number;
}

if (parentPort !== null) {
  const { memory, ready, workers, worker, capacity, asks, nowMs } = workerData as Spender;
  const budget = new RateBudget(memory);
  budget.use(Float64Array.of(capacity, capacity, capacity), Int32Array.of(0, 0, 1, 0, 77, 78));
  const words = Int32Array.of(0, 0, 0xffff, 0);
  const gate = new Int32Array(ready);
  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 0) < workers) continue;
  const granted = [0, 0];
  for (let ask = 0; ask < asks; ask++) {
    words[3] = worker * asks + ask;
    [Bucket.Node, Bucket.FirstPolicy].forEach((bucket, i) => {
      budget.lock();
      if (budget.allows(bucket, words, 0, nowMs)) {
        budget.take(bucket, words, 0, nowMs);
        granted[i]!++;
      }
      budget.unlock();
    });
  }
  parentPort.postMessage(granted);
}
