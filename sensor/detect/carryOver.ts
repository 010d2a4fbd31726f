/**
 * What a new policy keeps of the old one. Rules and signatures that are the same in both keep what they remember, so
 * that changing one policy neither forgets nor repeats the findings of the others.
 */
import { type CompiledDetection, type LiteralTable, RULE_WORDS, Rule, SIGNATURE_WORDS, SignatureField } from "./compiled.ts";
import type { MatchPool } from "./matchPool.ts";

/** New number of each old rule or signature, -1 where it is gone. */
export interface Renumbering {
  readonly rules: Int32Array;
  readonly signatures: Int32Array;
}

export function renumber(old: CompiledDetection, fresh: CompiledDetection): Renumbering {
  return {
    rules: match(old.rules, old.ruleCount, fresh.rules, fresh.ruleCount, RULE_WORDS, Rule.Identity),
    signatures: match(old.signatures, old.signatureCount, fresh.signatures, fresh.signatureCount, SIGNATURE_WORDS, SignatureField.Identity),
  };
}

/** Gives the pool's records their new numbers and takes out those whose rule or signature is gone. */
export function renumberRecords(pool: MatchPool, { rules, signatures }: Renumbering): void {
  for (let record = pool.oldest(); record >= 0; ) {
    const newer = pool.newer(record);
    const key = pool.key(record);
    const number = key < 0 ? rules[~key]! : signatures[key]!;
    if (number < 0) pool.remove(record);
    else pool.rename(record, key < 0 ? ~number : number);
    record = newer;
  }
}

/** Whether states of the one automaton mean the same in the other. */
export function sameLiterals(a: LiteralTable | undefined, b: LiteralTable | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.identity[0] === b.identity[0] && a.identity[1] === b.identity[1] && a.automaton.stateCount === b.automaton.stateCount;
}

function match(old: Int32Array, oldCount: number, fresh: Int32Array, freshCount: number, words: number, identity: number): Int32Array {
  if (sameWords(old, fresh)) return Int32Array.from({ length: oldCount }, (_, i) => i);
  const numbers = new Map<string, number>();
  for (let i = 0; i < freshCount; i++) {
    const key = `${fresh[i * words + identity]} ${fresh[i * words + identity + 1]}`;
    if (!numbers.has(key)) numbers.set(key, i);
  }
  const renumbered = new Int32Array(oldCount);
  for (let i = 0; i < oldCount; i++) {
    renumbered[i] = numbers.get(`${old[i * words + identity]} ${old[i * words + identity + 1]}`) ?? -1;
  }
  return renumbered;
}

/** Only the interfaces have changed, as they do all day: texts need not be compared. */
function sameWords(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
