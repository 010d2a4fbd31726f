/** Keeps a side's bytes coming, and each automaton looking at them, only while a rule that has not fired needs it. */
import { Field, FLOW_WORDS, FlowFlag } from "../flow/mod.ts";
import type { CompiledDetection } from "./compiled.ts";
import type { MatchPool } from "./matchPool.ts";
import { UNWANTED } from "./scan.ts";
import { Lane, SIDE_LANES, type Tuples } from "./tuples.ts";

/** For the flow that `tuples` is turned to. */
export function refreshInspection(words: Int32Array, slot: number, tuples: Tuples, { ruleBits: { signed } }: CompiledDetection, pool: MatchPool): void {
  const { other } = tuples;
  let lanes = 0;
  for (let word = 0; word < signed.length && lanes !== Lane.All; word++) {
    for (let bits = signed[word]! & tuples.possible(word); bits !== 0 && lanes !== Lane.All; bits &= bits - 1) {
      const rule = (word << 5) | (31 - Math.clz32(bits & -bits));
      const hasFired = pool.find(slot, ~rule) >= 0 || (other >= 0 && pool.find(other, ~rule) >= 0);
      if (!hasFired) lanes |= tuples.lanesOf(rule);
    }
  }
  want(words, slot, 0, lanes);
  want(words, slot, 1, lanes >>> SIDE_LANES);
}

/** `lanes`: Lane bits of that side. */
function want(words: Int32Array, slot: number, side: number, lanes: number): void {
  const flagsAt = slot * FLOW_WORDS + Field.Flags;
  const stateAt = slot * FLOW_WORDS + Field.DetectState0 + side;
  const inspect = FlowFlag.Inspect0 << side;
  // Bytes go by unseen while a side is not wanted.
  const state = (words[flagsAt]! & inspect) === 0 ? 0 : words[stateAt]!;
  words[flagsAt] = (lanes & Lane.Both) === 0 ? words[flagsAt]! & ~inspect : words[flagsAt]! | inspect;
  const exact = (lanes & Lane.Exact) === 0 ? UNWANTED : wantedState(state & 0xffff);
  const folded = (lanes & Lane.Folded) === 0 ? UNWANTED : wantedState(state >>> 16);
  words[stateAt] = (folded << 16) | exact;
}

function wantedState(state: number): number {
  return state === UNWANTED ? 0 : state;
}
