import { expect, test } from "vitest";
import { FlowEvent } from "../../sensor/flow/mod.ts";
import { fuzzRun, HEAP_GROWTH_LIMIT_BYTES, timeoutMs, watch } from "./watch.ts";

interface Summary {
  built: number;
  corpus: number;
  /** Bytes of the streams, and bytes that competed with them. */
  delivered: number;
  alternates: number;
  gaps: number;
  evicted: number;
  /** All FlowEvent bits that were seen. */
  events: number;
  refused: number[];
}

const run = fuzzRun();

test(`decode and flow survive ${run.inputs} packets of damaged conversations (FUZZ_SEED=${run.seed})`, async () => {
  const result = await watch(new URL("./flowBody.ts", import.meta.url), run);
  const summary = JSON.parse(result.summary) as Summary;
  const { built, corpus, delivered, gaps, evicted } = summary;
  console.log(`flow: ${built} conversations built, ${corpus === 0 ? "no corpus: skipped" : `${corpus} from the corpus`};`);
  console.log(`${delivered} bytes in ${evicted} flows, ${gaps} gaps, heap ${(result.heapGrowthBytes / 1024) | 0} KiB more`);
  expect(result.inputs).toBe(run.inputs);
  expect(result.heapGrowthBytes).toBeLessThan(HEAP_GROWTH_LIMIT_BYTES);
  expect(delivered).toBeGreaterThan(run.inputs);
  if (run.inputs < 1_000_000) return;
  expect(evicted).toBeGreaterThan(1000);
  expect(gaps).toBeGreaterThan(100);
  expect(summary.alternates).toBeGreaterThan(1000);
  const missed = Object.entries(FlowEvent).filter(([, bit]) => (summary.events & bit) === 0);
  expect(missed).toEqual([]);
}, timeoutMs(run));
