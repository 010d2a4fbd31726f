import { expect, test } from "vitest";
import { DecodeReason } from "../../sensor/decode/mod.ts";
import { fuzzRun, HEAP_GROWTH_LIMIT_BYTES, timeoutMs, watch } from "./watch.ts";

interface Summary {
  built: number;
  corpus: number;
  decoded: number;
  reassembled: number;
  reasons: string[];
}

const run = fuzzRun();

/** What random damage cannot hit: the table's and the arena's limits have their own tests beside the code. */
const OUT_OF_REACH = ["FragmentRefused", "FragmentEvicted"];

test(`decode() survives ${run.inputs} damaged packets (FUZZ_SEED=${run.seed})`, async () => {
  const result = await watch(new URL("./decodeBody.ts", import.meta.url), run);
  const summary = JSON.parse(result.summary) as Summary;
  const { built, corpus, decoded, reassembled } = summary;
  console.log(`decode: ${built} packets built, ${corpus === 0 ? "no corpus: skipped" : `${corpus} from the corpus`};`);
  console.log(`${decoded} decoded, ${reassembled} reassembled, heap ${(result.heapGrowthBytes / 1024) | 0} KiB more`);
  expect(result.inputs).toBe(run.inputs);
  expect(result.heapGrowthBytes).toBeLessThan(HEAP_GROWTH_LIMIT_BYTES);
  expect(decoded).toBeGreaterThan(run.inputs / 20);
  if (run.inputs < 1_000_000) return;
  // The damage reaches every check.
  const missed = Object.keys(DecodeReason).filter((name) => !summary.reasons.includes(name) && !OUT_OF_REACH.includes(name));
  expect(missed).toEqual([]);
  expect(reassembled).toBeGreaterThan(100);
}, timeoutMs(run));
