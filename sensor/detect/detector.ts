/**
 * All detectors of one Worker. A rule fires once a connection, when everything that it asks for has been seen on it: its
 * header fits (one of its tuples: see tuples.ts), its connection detector's phase is reached, one of its signatures
 * is complete on one side.
 *
 * Field.DetectMatch of a flow holds, above the handle of matchPool.ts, the epoch of the policy that the flow was last
 * looked at under. After swap() flows are brought up to date when they are next touched, or by revisit().
 */
import { Field, FLOW_WORDS, FlowFlag, FlowState, SIDE_WORDS, SideField } from "../flow/mod.ts";
import { type AgainSink, sayAgain } from "./again.ts";
import { renumber, renumberRecords } from "./carryOver.ts";
import { type CompiledDetection, type LiteralTable, RULE_WORDS, Rule, RuleFlag, SIGNATURE_WORDS, SignatureField, SignatureFlag } from "./compiled.ts";
import { Epochs, LAST_EPOCH } from "./epochs.ts";
import { Finding } from "./finding.ts";
import { refreshInspection } from "./inspection.ts";
import { MAX_FINDINGS, MAX_UNKNOWN_BYTES } from "./limits.ts";
import { reportTable } from "./literals.ts";
import { MatchPool } from "./matchPool.ts";
import { OwnerMemory } from "./ownerMemory.ts";
import type { FlowRecords } from "./records.ts";
import { StepBudget } from "./stepBudget.ts";
import { type MatchSink, StreamScan, UNWANTED } from "./scan.ts";
import { Tuples } from "./tuples.ts";

export const DetectPhase = {
  /** The SYN was seen. */
  Handshake: 0,
  /** The handshake is complete, or the flow was first seen in the middle. */
  Established: 1,
} as const;

const CONFIDENCE_MEDIUM = 1;
const CONFIDENCE_HIGH = 2;

export class Detector implements MatchSink, AgainSink {
  /** The findings of this step are the first `count`; whoever drains them sets `count` to 0. */
  readonly findings: readonly Finding[] = Array.from({ length: MAX_FINDINGS }, () => new Finding());
  count = 0;
  /** Findings that found no place, ever. */
  dropped = 0;
  /** Stream bytes that went through the automata, ever. */
  inspectedBytes = 0;
  readonly pool: MatchPool;
  readonly owners: OwnerMemory;
  readonly steps = new StepBudget();
  readonly #flows: FlowRecords;
  readonly #words: Int32Array;
  readonly #tuples: Tuples;
  readonly #scan: StreamScan;
  #compiled: CompiledDetection;
  readonly #epochs: Epochs;
  #revisitAt: number;
  /** Number of the scan in which a literal was last reported: once a segment is enough. */
  #exactReported: Int32Array;
  #foldedReported: Int32Array;
  #scanNumber = 0;
  // The flow under the scan.
  #slot = -1;
  #side = 0;
  #confidence = CONFIDENCE_HIGH;
  #loaded = false;
  #alternateState = 0;
  /** What fires now was said before. */
  #isAgain = false;

  constructor(flows: FlowRecords, compiled: CompiledDetection) {
    this.#flows = flows;
    this.#words = flows.words;
    this.#compiled = compiled;
    this.pool = new MatchPool(flows);
    this.#tuples = new Tuples(flows, compiled);
    this.owners = new OwnerMemory(flows.capacity);
    this.owners.use(compiled.owners);
    this.#scan = new StreamScan(this);
    this.#scan.use(compiled);
    this.#epochs = new Epochs(compiled);
    this.#revisitAt = flows.capacity;
    this.#exactReported = reportTable(compiled.exact);
    this.#foldedReported = reportTable(compiled.folded);
  }

  /** `phase` is a DetectPhase; each is looked at once a flow. `interfaceIndex` is where the packet was seen. */
  onFlow(slot: number, phase: number, interfaceIndex: number): void {
    const flagsAt = slot * FLOW_WORDS + Field.Flags;
    const seen = phase === DetectPhase.Handshake ? FlowFlag.SeenHandshake : FlowFlag.SeenEstablished;
    if ((this.#words[flagsAt]! & seen) !== 0) return;
    this.#begin(slot, 0, CONFIDENCE_HIGH);
    this.#words[flagsAt]! |= seen;
    this.#load(interfaceIndex);
    this.#noteOwners();
    this.#fireConnections(this.#compiled.ruleBits[phase === DetectPhase.Handshake ? "handshake" : "established"], seen, 0);
    if (phase === DetectPhase.Established) this.#fireWaiting();
    this.#refreshInspection();
  }

  /**
   * The flow and its other tuple know each other from here on: call before onFlow. Each is now asked what only the other
   * fits, in the phases that it has reached alone.
   */
  onTwin(slot: number): void {
    const other = this.#words[slot * FLOW_WORDS + Field.Twin]!;
    if (other < 0) return;
    this.#meet(other);
    this.#meet(slot);
  }

  /** A side was seen where it was not before: it may have shown whose it is. Call after onTwin and before onFlow. */
  onPlace(slot: number): void {
    if (!this.#compiled.owners.isAsked) return;
    this.#begin(slot, 0, CONFIDENCE_HIGH);
    this.#load();
    this.#identify(this.#epochs.now);
  }

  /** The next contiguous bytes of a side's stream. */
  onBytes(slot: number, side: number, bytes: Uint8Array, offset: number, length: number): void {
    this.#begin(slot, side, CONFIDENCE_HIGH);
    const base = slot * FLOW_WORDS;
    const limit = this.#compiled.inspectBytes;
    const bytesAt = (base + Field.Sides + side * SIDE_WORDS + SideField.Bytes) >> 1;
    if (limit > 0 && this.#flows.doubles[bytesAt]! > limit + length) {
      this.#words[base + Field.Flags]! &= ~(FlowFlag.Inspect0 << side);
      return;
    }
    if (this.owners.isUnknown(slot) && this.#flows.doubles[bytesAt]! > MAX_UNKNOWN_BYTES) {
      this.#noteOwners();
      this.#refreshInspection();
    }
    const stateAt = base + Field.DetectState0 + side;
    this.inspectedBytes += length;
    this.#words[stateAt] = this.#scan.run(this.#words[stateAt]!, bytes, offset, length);
  }

  /**
   * Other bytes for a place of the stream that already has some: the copy that Linux would not deliver, though the
   * target may. Literals are found inside the copy (which may come in several calls, one after the other), not across
   * its borders; what is found is of medium confidence.
   */
  onAlternate(slot: number, side: number, bytes: Uint8Array, offset: number, length: number): void {
    const goesOn = this.#slot === slot && this.#side === side && this.#confidence === CONFIDENCE_MEDIUM;
    this.#begin(slot, side, CONFIDENCE_MEDIUM);
    this.inspectedBytes += length;
    this.#alternateState = this.#scan.run(goesOn ? this.#alternateState : 0, bytes, offset, length);
  }

  /** Bytes of that side are missing: no literal reaches across. */
  onGap(slot: number, side: number): void {
    const stateAt = slot * FLOW_WORDS + Field.DetectState0 + side;
    const state = this.#words[stateAt]!;
    this.#words[stateAt] = ((state >>> 16 === UNWANTED ? UNWANTED : 0) << 16) | ((state & 0xffff) === UNWANTED ? UNWANTED : 0);
  }

  /** The slot is about to be given to another connection. */
  onEvict(slot: number): void {
    this.pool.release(slot);
    this.owners.forget(slot);
    const base = slot * FLOW_WORDS;
    this.#words[base + Field.DetectMatch] = 0;
    this.#words[base + Field.DetectState0] = 0;
    this.#words[base + Field.DetectState1] = 0;
  }

  /**
   * Takes a new policy. Flows in progress go on: rules that were there before remember what fired, new ones look at
   * flows that are already established, and literals start anew only where the automata have changed.
   */
  swap(compiled: CompiledDetection): void {
    const old = this.#compiled;
    const renumbering = renumber(old, compiled);
    renumberRecords(this.pool, renumbering);
    this.#epochs.swap(old, compiled, renumbering);
    this.#exactReported = reportTable(compiled.exact);
    this.#foldedReported = reportTable(compiled.folded);
    this.#compiled = compiled;
    this.#tuples.use(compiled);
    this.#scan.use(compiled);
    this.owners.use(compiled.owners);
    this.#slot = -1;
    this.#revisitAt = 0;
  }

  /** Brings up to `budget` slots up to date after a swap, as far as findings have room; true while some are left. */
  revisit(budget: number): boolean {
    const end = Math.min(this.#flows.capacity, this.#revisitAt + budget);
    for (; this.#revisitAt < end && this.count <= MAX_FINDINGS / 2; this.#revisitAt++) {
      const base = this.#revisitAt * FLOW_WORDS;
      if (this.#words[base + Field.State]! === FlowState.Free) continue;
      this.#begin(this.#revisitAt, 0, CONFIDENCE_HIGH);
    }
    return this.#revisitAt < this.#flows.capacity;
  }

  /** Says again what has fired on the flow and would fire today (Finding.isAgain); what came after that is news. */
  again(slot: number): void {
    const epoch = this.#words[slot * FLOW_WORDS + Field.DetectMatch]! >>> 16;
    this.#begin(slot, 0, CONFIDENCE_HIGH);
    this.#load();
    this.#isAgain = true;
    if (!this.#epochs.isNew(epoch)) sayAgain(this, this.#words, slot, this.#tuples, this.#compiled, this.pool, this.#epochs.ruleSince, epoch);
    this.#isAgain = false;
    this.#slot = -1;
  }

  onAgain(rule: number, signature: number, side: number, confidence: number): void {
    this.#confidence = confidence;
    this.#fire(rule, signature, side);
  }

  onExactMatch(state: number): void {
    this.#reportLiterals(this.#compiled.exact!, this.#exactReported, state);
  }

  onFoldedMatch(state: number): void {
    this.#reportLiterals(this.#compiled.folded!, this.#foldedReported, state);
  }

  #begin(slot: number, side: number, confidence: number): void {
    this.#slot = slot;
    this.#side = side;
    this.#confidence = confidence;
    this.#loaded = false;
    this.#scanNumber = (this.#scanNumber + 1) | 0;
    const epoch = this.#words[slot * FLOW_WORDS + Field.DetectMatch]! >>> 16;
    if (epoch !== this.#epochs.now) this.#adopt(slot, epoch);
  }

  /** Brings a flow that was last looked at under `epoch` (or never) under the present policy. */
  #adopt(slot: number, epoch: number): void {
    const words = this.#words;
    const base = slot * FLOW_WORDS;
    const isNew = this.#epochs.isNew(epoch);
    if (isNew || this.#epochs.automataSince > epoch) {
      words[base + Field.DetectState0] = 0;
      words[base + Field.DetectState1] = 0;
    }
    words[base + Field.DetectMatch] = (this.#epochs.now << 16) | (isNew ? 0 : words[base + Field.DetectMatch]! & 0xffff);
    const established = (words[base + Field.Flags]! & FlowFlag.SeenEstablished) !== 0;
    if (isNew || (!established && (words[base + Field.Flags]! & FlowFlag.SeenHandshake) === 0)) return;
    this.#load();
    if (established) this.#fireConnections(this.#compiled.ruleBits.established, FlowFlag.SeenEstablished, epoch);
    this.#identify(epoch);
    this.#refreshInspection();
  }

  /**
   * Where it has become known whose a side is: what selects it applies to what the flow has shown so far. `last`: the
   * epoch up to which rules have not been asked for their own sake.
   */
  #identify(last: number): void {
    const { other, owners, ownersOfOther } = this.#tuples;
    const slot = this.#slot;
    if (!this.owners.isNews(slot, owners) && (other < 0 || !this.owners.isNews(other, ownersOfOther))) return this.#noteOwners();
    const seen = this.#words[slot * FLOW_WORDS + Field.Flags]!;
    const seenByEither = other < 0 ? seen : seen | this.#words[other * FLOW_WORDS + Field.Flags]!;
    this.#tuples.loadBefore(this.owners.of(slot), other < 0 ? 0 : this.owners.of(other));
    this.#noteOwners();
    // A flow that has had no turn yet has it with its owners known.
    if ((seen & (FlowFlag.SeenHandshake | FlowFlag.SeenEstablished)) === 0) return;
    if (other >= 0) this.owners.note(other, ownersOfOther, this.owners.isUnknown(other));
    const { handshake, established } = this.#compiled.ruleBits;
    for (let word = 0; word < handshake.length; word++) {
      const rules = ((seenByEither & FlowFlag.SeenHandshake) === 0 ? 0 : handshake[word]!) | ((seenByEither & FlowFlag.SeenEstablished) === 0 ? 0 : established[word]!);
      this.#fireBits(word, rules & this.#tuples.fittingAnew(word), 0, last);
    }
    this.#fireWaiting();
    this.#refreshInspection();
  }

  #noteOwners(): void {
    this.#load();
    this.owners.note(this.#slot, this.#tuples.owners, this.#tuples.isUnknown);
  }

  #load(interfaceIndex = 0): void {
    if (this.#loaded) return;
    this.#tuples.load(this.#slot, interfaceIndex);
    this.#loaded = true;
  }

  /**
   * Fires those of `rules` (one bit each) that one of the connection's tuples fits and that came after `epoch`. Of two
   * tuples whoever has its turn first (`seen`: a FlowFlag.Seen...) fires for both.
   */
  #fireConnections(rules: Uint32Array, seen: number, epoch: number): void {
    const after = Math.max(epoch, this.#tuples.epochOfOther(seen));
    for (let word = 0; word < rules.length; word++) this.#fireBits(word, rules[word]! & this.#tuples.fitting(word), after, LAST_EPOCH);
  }

  /** Fires the rules of one word that came after the one epoch and not after the other. */
  #fireBits(word: number, rules: number, after: number, last: number): void {
    const { ruleSince } = this.#epochs;
    for (let bits = rules; bits !== 0; bits &= bits - 1) {
      const rule = (word << 5) | (31 - Math.clz32(bits & -bits));
      if (ruleSince[rule]! > after && ruleSince[rule]! <= last) this.#fire(rule, -1, 0);
    }
  }

  /** What the other tuple fits and this one did not, of the phases that this one alone has had its turn in. */
  #meet(slot: number): void {
    const words = this.#words;
    const flagsAt = slot * FLOW_WORDS + Field.Flags;
    // What came after this the turn under the new policy asks of both.
    const last = words[slot * FLOW_WORDS + Field.DetectMatch]! >>> 16;
    this.#begin(slot, 0, CONFIDENCE_HIGH);
    this.#load();
    const { handshake, established } = this.#compiled.ruleBits;
    for (let phase = 0; phase < 2; phase++) {
      const seen = phase === DetectPhase.Handshake ? FlowFlag.SeenHandshake : FlowFlag.SeenEstablished;
      if ((words[flagsAt]! & seen) === 0 || this.#tuples.epochOfOther(seen) !== 0) continue;
      const rules = phase === DetectPhase.Handshake ? handshake : established;
      for (let word = 0; word < rules.length; word++) this.#fireBits(word, rules[word]! & this.#tuples.fittingOther(word), 0, last);
    }
    if ((words[flagsAt]! & (FlowFlag.SeenHandshake | FlowFlag.SeenEstablished)) !== 0) this.#refreshInspection();
  }

  /** Signatures that were complete before the flow was established, or before it was known whose it is. */
  #fireWaiting(): void {
    const { pool } = this;
    const { signatures } = this.#compiled;
    // Firing makes records, and a full pool may take this flow's own for them.
    for (let record = pool.first(this.#slot); record >= 0 && pool.owns(this.#slot, record); record = pool.next(record)) {
      const key = pool.key(record);
      if (key < 0) continue;
      const all = signatures[key * SIGNATURE_WORDS + SignatureField.Contents]!;
      for (let side = 0; side < 2; side++) {
        if (pool.addSeen(record, side, 0) === all) this.#complete(key, side);
      }
    }
  }

  #reportLiterals({ automaton, useStart, uses }: LiteralTable, reported: Int32Array, state: number): void {
    const { literal: literals, link, firstMatch } = automaton;
    for (let match = state; match >= 0; match = link[match - firstMatch]!) {
      const literal = literals[match - firstMatch]!;
      if (literal < 0 || reported[literal] === this.#scanNumber) continue;
      reported[literal] = this.#scanNumber;
      for (let i = useStart[literal]!; i < useStart[literal + 1]!; i++) this.#onContent(uses[i]! >>> 5, 1 << (uses[i]! & 31));
    }
  }

  #onContent(signature: number, content: number): void {
    const { signatures, rules } = this.#compiled;
    if (!this.steps.take(rules[signatures[signature * SIGNATURE_WORDS + SignatureField.Rule]! * RULE_WORDS + Rule.Tenant]!)) return;
    const all = signatures[signature * SIGNATURE_WORDS + SignatureField.Contents]!;
    if (all === content) {
      this.#complete(signature, this.#side);
      return;
    }
    this.#load();
    if (!this.#tuples.fitsBytes(signature, this.#side)) return;
    const record = this.pool.obtain(this.#slot, signature);
    if (record >= 0 && this.pool.addSeen(record, this.#side, content) === all) this.#complete(signature, this.#side);
  }

  /** All contents of a signature were seen on that side: is the rest of its rule true as well? */
  #complete(signature: number, side: number): void {
    const { signatures, rules } = this.#compiled;
    const at = signature * SIGNATURE_WORDS;
    const rule = signatures[at + SignatureField.Rule]!;
    if (this.pool.find(this.#slot, ~rule) >= 0) return;
    // The same bytes pass under the connection's other tuple (NAT): one finding is enough.
    const twin = this.#words[this.#slot * FLOW_WORDS + Field.Twin]!;
    if (twin >= 0 && this.pool.find(twin, ~rule) >= 0) return;
    this.#load();
    if (!this.#tuples.fits(signature, side)) {
      if (this.#tuples.isUnknown && this.#tuples.mayFit(signature, side)) this.#wait(signature, side);
      return;
    }
    const ruleFlags = rules[rule * RULE_WORDS + Rule.Flags]!;
    const base = this.#slot * FLOW_WORDS;
    if ((ruleFlags & RuleFlag.Handshake) !== 0 && (this.#words[base + Field.Flags]! & FlowFlag.Midstream) !== 0) return;
    const needsEstablished = (signatures[at + SignatureField.Flags]! & SignatureFlag.Established) !== 0 || (ruleFlags & RuleFlag.Established) !== 0;
    if (needsEstablished && this.#words[base + Field.State]! < FlowState.Established) {
      this.#wait(signature, side);
      return;
    }
    this.#fire(rule, signature, side);
    const record = this.pool.obtain(this.#slot, ~rule);
    if (record >= 0) this.pool.setFired(record, signature - rules[rule * RULE_WORDS + Rule.FirstSignature]!, side, this.#confidence);
    this.#refreshInspection();
  }

  /** It is complete, and what is not known yet may make it fire: see #fireWaiting(). */
  #wait(signature: number, side: number): void {
    const record = this.pool.obtain(this.#slot, signature);
    if (record >= 0) this.pool.addSeen(record, side, this.#compiled.signatures[signature * SIGNATURE_WORDS + SignatureField.Contents]!);
  }

  #fire(rule: number, signature: number, side: number): void {
    if (this.count === this.findings.length) this.dropped++;
    else this.findings[this.count++]!.set(this.#words, this.#slot, rule, signature, side, this.#confidence, this.#isAgain);
  }

  #refreshInspection(): void {
    refreshInspection(this.#words, this.#slot, this.#tuples, this.#compiled, this.pool);
  }
}
