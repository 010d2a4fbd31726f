/**
 * What has fired on a flow and would fire today: connection rules by the flow's header, contents by the pool's records
 * of them. Bytes are not looked at again: a content whose record gave way in a full pool is forgotten.
 */
import { Field, FLOW_WORDS, FlowFlag } from "../flow/mod.ts";
import { type CompiledDetection, RULE_WORDS, Rule } from "./compiled.ts";
import type { MatchPool } from "./matchPool.ts";
import type { Tuples } from "./tuples.ts";

export interface AgainSink {
  /** `signature` -1: none was part of it, or it is gone. */
  onAgain(rule: number, signature: number, side: number, confidence: number): void;
}

const CONFIDENCE_HIGH = 2;

/** For the flow that `tuples` is turned to. `last`: the epoch of the policy that it was last looked at under. */
export function sayAgain(sink: AgainSink, words: Int32Array, slot: number, tuples: Tuples, compiled: CompiledDetection, pool: MatchPool, ruleSince: Int32Array, last: number): void {
  const { rules, ruleBits: { handshake, established } } = compiled;
  const own = words[slot * FLOW_WORDS + Field.Flags]!;
  const seen = tuples.other < 0 ? own : own | words[tuples.other * FLOW_WORDS + Field.Flags]!;
  for (let word = 0; word < handshake.length; word++) {
    const ofPhases = ((seen & FlowFlag.SeenHandshake) === 0 ? 0 : handshake[word]!) | ((seen & FlowFlag.SeenEstablished) === 0 ? 0 : established[word]!);
    for (let bits = ofPhases & tuples.fitting(word); bits !== 0; bits &= bits - 1) {
      const rule = (word << 5) | (31 - Math.clz32(bits & -bits));
      if (ruleSince[rule]! <= last) sink.onAgain(rule, -1, 0, CONFIDENCE_HIGH);
    }
  }
  for (let record = pool.first(slot); record >= 0; record = pool.next(record)) {
    const rule = ~pool.key(record);
    if (rule < 0 || ((tuples.fitting(rule >>> 5) >>> (rule & 31)) & 1) === 0) continue;
    const signature = pool.firedSignature(record);
    const isKnown = signature < rules[rule * RULE_WORDS + Rule.SignatureCount]!;
    sink.onAgain(rule, isKnown ? rules[rule * RULE_WORDS + Rule.FirstSignature]! + signature : -1, pool.firedSide(record), pool.firedConfidence(record));
  }
}
