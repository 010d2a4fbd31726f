import { expect, test } from "vitest";
import { DecodeReason } from "../../sensor/decode/mod.ts";
import { fuzzRun, HEAP_GROWTH_LIMIT_BYTES, watch } from "./watch.ts";

const run = fuzzRun();

/** What random damage cannot hit: the table's and the arena's limits have their own tests beside the code. */
const OUT_OF_REACH = ["FragmentRefused"];

test(`decode() survives ${run.inputs} damaged packets (FUZZ_SEED=${run.seed})`, async () => {
  const result = await watch(new URL("./decodeBody.ts", import.meta.url), run);
  console.log(`decode: ${result.summary}, heap ${(result.heapGrowthBytes / 1024) | 0} KiB more`);
  const summary = JSON.parse(result.summary) as { decoded: number; reassembled: number; reasons: string[] };
  expect(result.inputs).toBe(run.inputs);
  expect(result.heapGrowthBytes).toBeLessThan(HEAP_GROWTH_LIMIT_BYTES);
  expect(summary.decoded).toBeGreaterThan(run.inputs / 20);
  if (run.inputs < 1_000_000) return;
  // The damage reaches every check.
  const missed = Object.keys(DecodeReason).filter((name) => !summary.reasons.includes(name) && !OUT_OF_REACH.includes(name));
  expect(missed).toEqual([]);
  expect(summary.reassembled).toBeGreaterThan(100);
});
