/**
 * What every guard looks at: may this flow be reset, for this policy, now? One object a decider, filled again for each
 * question.
 */
import { Field, FLOW_WORDS, FlowFlag } from "../flow/mod.ts";
import { type FlowRecords, rowOfAddress } from "../detect/mod.ts";
import type { ConnectionBudget } from "./connectionBudget.ts";
import type { CompiledPolicy } from "./compiled.ts";
import type { Reason } from "./reason.ts";
import type { RateBudget } from "./rateBudget.ts";

export class Question {
  readonly words: Int32Array;
  compiled: CompiledPolicy;
  /** Resets already granted: what the budget guards ask. */
  readonly rates: RateBudget;
  readonly connections: ConnectionBudget;
  nowMs = 0;
  /** Not 0 while nothing may be injected on this node. */
  stopped = 0;

  slot = -1;
  /** First word of the flow's record. */
  base = 0;
  /** FlowFlag bits. */
  flags = 0;
  /** Slot of the same connection's other tuple (NAT), -1 for none. */
  twin = -1;
  /** First word of the record of the same connection's other tuple (NAT), -1 for none. */
  twinBase = -1;
  /** FlowFlag bits of that record, 0 where only the middle of one of the two was seen: their SYNs prove more. */
  twinFlags = 0;
  /** Rows of the initiator and the responder in guards.addresses. */
  row0 = 0;
  row1 = 0;
  twinRow0 = 0;
  twinRow1 = 0;

  /** Of the policy or FlowReset: number of its namespace (PolicyField.Namespace), and its place in guards.heldBack. */
  namespace = 0;
  object = 0;

  // Of a finding; unused for a FlowReset.
  policy = -1;
  generation = 0;
  handshake = false;
  confidence = 0;
  /** It was said before: it waits for what budgets have left over. */
  isAgain = false;
  /** Why nothing would be injected whatever the guards say, 0 where it would. */
  restraint: Reason | 0 = 0;

  constructor(flows: FlowRecords, compiled: CompiledPolicy, rates: RateBudget, connections: ConnectionBudget) {
    this.words = flows.words;
    this.compiled = compiled;
    this.rates = rates;
    this.connections = connections;
  }

  /** Turns to a flow. */
  load(slot: number): void {
    const { words } = this;
    const { addresses } = this.compiled.guards;
    this.slot = slot;
    this.base = slot * FLOW_WORDS;
    this.flags = words[this.base + Field.Flags]!;
    this.row0 = rowOfAddress(addresses, words, this.base + Field.InitiatorAddress);
    this.row1 = rowOfAddress(addresses, words, this.base + Field.ResponderAddress);
    const twin = words[this.base + Field.Twin]!;
    this.twin = twin;
    this.twinBase = twin < 0 ? -1 : twin * FLOW_WORDS;
    this.twinFlags = 0;
    if (twin < 0) return;
    const twinFlags = words[this.twinBase + Field.Flags]!;
    if (((this.flags | twinFlags) & FlowFlag.Midstream) === 0) this.twinFlags = twinFlags;
    this.twinRow0 = rowOfAddress(addresses, words, this.twinBase + Field.InitiatorAddress);
    this.twinRow1 = rowOfAddress(addresses, words, this.twinBase + Field.ResponderAddress);
  }
}

/** A reason where the guard stands in the way, 0 where it does not. */
export type Guard = (question: Question) => Reason | 0;
