/**
 * The tuples of the connection under the scan: its flow's own, and the other one where NAT gives it two (flow/twins.ts).
 * A rule may name either, and bytes may count under one of them only: what a local pod sends counts at its own
 * interface, where it has the tuple that this pod knows. So each tuple is judged as it stands where it was seen, a rule
 * and its signature by the same one, and what either shows counts for both.
 */
import { Field, FLOW_WORDS, twinFlip } from "../flow/mod.ts";
import { type CompiledDetection, RULE_WORDS, Rule, SIGNATURE_WORDS, SignatureField, SignatureFlag } from "./compiled.ts";
import { FlowHeader } from "./flowHeader.ts";
import type { FlowRecords } from "./records.ts";

/** Automata that are to look at a side's bytes; those of side 1 stand SIDE_LANES higher. */
export const Lane = { Exact: 1, Folded: 2, Both: 3, All: 15 } as const;
export const SIDE_LANES = 2;

export class Tuples {
  /** Slot of the other tuple, -1 where the connection has one. */
  other = -1;
  readonly #words: Int32Array;
  readonly #own: FlowHeader;
  readonly #others: FlowHeader;
  #compiled: CompiledDetection;
  /** 1 where the other tuple's side 0 is the flow's side 1. */
  #flip = 0;

  constructor(flows: FlowRecords, compiled: CompiledDetection) {
    this.#words = flows.words;
    this.#compiled = compiled;
    this.#own = new FlowHeader(flows, compiled);
    this.#others = new FlowHeader(flows, compiled);
  }

  use(compiled: CompiledDetection): void {
    this.#compiled = compiled;
    this.#own.use(compiled);
    this.#others.use(compiled);
  }

  /** Turns to a flow; `interfaceIndex` as in FlowHeader. */
  load(slot: number, interfaceIndex: number): void {
    this.#own.load(slot, interfaceIndex);
    this.other = this.#words[slot * FLOW_WORDS + Field.Twin]!;
    if (this.other < 0) return;
    this.#others.load(this.other, 0);
    this.#flip = twinFlip(this.#words, slot, this.other);
  }

  /** The rules that a tuple fits, 32 a word: one bit each. */
  fitting(word: number): number {
    return this.other < 0 ? this.#own.fitting[word]! : this.#own.fitting[word]! | this.#others.fitting[word]!;
  }

  /** Those, and the ones that may be fitted once it is known whose a new pod's side is. */
  possible(word: number): number {
    return this.other < 0 ? this.#own.possible[word]! : this.#own.possible[word]! | this.#others.possible[word]!;
  }

  /** Those that a tuple fits now, and none did by the owners of loadBefore(). */
  fittingAnew(word: number): number {
    const before = this.other < 0 ? this.#own.before[word]! : this.#own.before[word]! | this.#others.before[word]!;
    return this.fitting(word) & ~before;
  }

  loadBefore(own: number, others: number): void {
    this.#own.loadBefore(own);
    if (this.other >= 0) this.#others.loadBefore(others);
  }

  /** Owners of both sides under the flow's own tuple, and under the other one. */
  get owners(): number {
    return this.#own.owners;
  }

  get ownersOfOther(): number {
    return this.other < 0 ? 0 : this.#others.owners;
  }

  /** True where `possible` may be more than `fitting`. */
  get isUnknown(): boolean {
    return this.#own.isUnknown || (this.other >= 0 && this.#others.isUnknown);
  }

  /** Those that the other tuple alone fits. */
  fittingOther(word: number): number {
    return this.other < 0 ? 0 : this.#others.fitting[word]! & ~this.#own.fitting[word]!;
  }

  /** Whether bytes that `side` sends are the signature's under one of the tuples. */
  fitsBytes(signature: number, side: number): boolean {
    return this.#own.fitsSignature(signature, side) || (this.other >= 0 && this.#others.fitsSignature(signature, side ^ this.#flip));
  }

  /** The same, under a tuple that the signature's rule is about. */
  fits(signature: number, side: number): boolean {
    const rule = this.#compiled.signatures[signature * SIGNATURE_WORDS + SignatureField.Rule]!;
    if (this.#own.fitsSignature(signature, side) && this.#own.fitsRule(rule)) return true;
    return this.other >= 0 && this.#others.fitsSignature(signature, side ^ this.#flip) && this.#others.fitsRule(rule);
  }

  /** As fits(), where it is not known whose a new pod's side is. */
  mayFit(signature: number, side: number): boolean {
    const rule = this.#compiled.signatures[signature * SIGNATURE_WORDS + SignatureField.Rule]!;
    if (this.#own.fitsSignature(signature, side) && this.#own.mayFitRule(rule)) return true;
    return this.other >= 0 && this.#others.fitsSignature(signature, side ^ this.#flip) && this.#others.mayFitRule(rule);
  }

  /** Lane bits of both sides that the rule's signatures need. */
  lanesOf(rule: number): number {
    const { rules, signatures } = this.#compiled;
    const first = rules[rule * RULE_WORDS + Rule.FirstSignature]!;
    const end = first + rules[rule * RULE_WORDS + Rule.SignatureCount]!;
    let lanes = 0;
    for (let signature = first; signature < end && lanes !== Lane.All; signature++) {
      const flags = signatures[signature * SIGNATURE_WORDS + SignatureField.Flags]!;
      const needed = ((flags & SignatureFlag.Exact) !== 0 ? Lane.Exact : 0) | ((flags & SignatureFlag.Folded) !== 0 ? Lane.Folded : 0);
      if (this.fitsBytes(signature, 0)) lanes |= needed;
      if (this.fitsBytes(signature, 1)) lanes |= needed << SIDE_LANES;
    }
    return lanes;
  }

  /** The epoch under which the detector has looked at the other tuple, 0 where that has not had its turn (FlowFlag.Seen...). */
  epochOfOther(seen: number): number {
    if (this.other < 0) return 0;
    const base = this.other * FLOW_WORDS;
    return (this.#words[base + Field.Flags]! & seen) === 0 ? 0 : this.#words[base + Field.DetectMatch]! >>> 16;
  }
}
