/** What was decided about one flow in one step, with every policy that matched. Reused, never kept. */
import type { Finding } from "../detect/mod.ts";
import { MAX_FIRED_RULES, MAX_MATCHED_POLICIES } from "./limits.ts";
import type { Reason } from "./reason.ts";
import { Verdict } from "./verdict.ts";

export class Decision {
  slot = -1;
  generation = 0;
  /** Verdict. */
  verdict: number = Verdict.Suppress;
  /** Why it is no Reset or Refuse; 0 where it is one. */
  reason: Reason | 0 = 0;
  /** The policy that won (or came first of those that were suppressed), its rule and signature; -1 for none. */
  policy = -1;
  rule = -1;
  signature = -1;
  /** Index of the FlowReset, -1 where detection decided. */
  flowReset = -1;
  /** Side whose bytes or packet fired it. */
  side = 0;
  /** Confidence of the finding, 0 to 2. */
  confidence = 0;
  /** ResetTarget bits. */
  target = 0;
  /** How long new connections of the same client, server and port are refused; 0: not at all. */
  holdMs = 0;
  /** Record whose client, server and port are held: `slot`, or where the tenant's pod shows under the other tuple that one. */
  holdSlot = -1;
  /** Interface of the tenant's pod, where alone the hold counts; 0 anywhere. */
  holdInterface = 0;
  /** Why holdMs is 0 though the policy asks for a hold. */
  holdRefused: Reason | 0 = 0;
  rstPackets = 0;
  evidencePackets = 0;
  /** Another node's sensor acts first: this one waits so long for its RSTs. 0 where this one is first. */
  delayMs = 0;

  /** Policies that matched, the winner among them; those past MAX_MATCHED_POLICIES are only counted. */
  readonly matchedPolicies = new Int32Array(MAX_MATCHED_POLICIES);
  readonly matchedVerdicts = new Int32Array(MAX_MATCHED_POLICIES);
  readonly matchedReasons: (Reason | 0)[] = new Array<Reason | 0>(MAX_MATCHED_POLICIES).fill(0);
  matchedCount = 0;
  matchedDropped = 0;
  /** Rules that fired in this step, the winner's among them, each with its signature (-1 for none) and side. */
  readonly firedRules = new Int32Array(MAX_FIRED_RULES);
  readonly firedSignatures = new Int32Array(MAX_FIRED_RULES);
  readonly firedSides = new Int32Array(MAX_FIRED_RULES);
  firedCount = 0;
  firedDropped = 0;
  /** The finding is an old one, that waited until its flow was seen alive: it was told and counted before. */
  isRetry = false;

  begin(slot: number, generation: number): void {
    this.slot = slot;
    this.generation = generation;
    this.verdict = Verdict.Suppress;
    this.reason = 0;
    this.policy = -1;
    this.rule = -1;
    this.signature = -1;
    this.flowReset = -1;
    this.side = 0;
    this.confidence = 0;
    this.target = 0;
    this.holdMs = 0;
    this.holdRefused = 0;
    this.rstPackets = 0;
    this.evidencePackets = 0;
    this.delayMs = 0;
    this.matchedCount = 0;
    this.matchedDropped = 0;
    this.firedCount = 0;
    this.firedDropped = 0;
    this.isRetry = false;
  }

  /** Findings that nobody has counted yet. */
  get newFindings(): number {
    return this.isRetry ? 0 : this.firedCount + this.firedDropped;
  }

  fired({ rule, signature, side }: Finding): void {
    if (this.firedCount === MAX_FIRED_RULES) {
      this.firedDropped++;
      return;
    }
    this.firedRules[this.firedCount] = rule;
    this.firedSignatures[this.firedCount] = signature;
    this.firedSides[this.firedCount] = side;
    this.firedCount++;
  }

  /** Where the policy stands in the lists above; -1 where it does not, or found no place. */
  find(policy: number): number {
    for (let i = 0; i < this.matchedCount; i++) if (this.matchedPolicies[i] === policy) return i;
    return -1;
  }

  /** A later rule of a policy that is already named did better. */
  amend(place: number, verdict: number, reason: Reason | 0): void {
    if (verdict === Verdict.Suppress) return;
    this.matchedVerdicts[place] = verdict;
    this.matchedReasons[place] = reason;
  }

  /** What was granted is not: of every policy that would act. */
  withdraw(reason: Reason): void {
    this.verdict = Verdict.Suppress;
    for (let i = 0; i < this.matchedCount; i++) {
      if (this.matchedVerdicts[i] === Verdict.Suppress) continue;
      this.matchedVerdicts[i] = Verdict.Suppress;
      this.matchedReasons[i] = reason;
    }
  }

  /** Names a policy once. */
  name(policy: number, verdict: number, reason: Reason | 0): void {
    if (this.matchedCount === MAX_MATCHED_POLICIES) {
      this.matchedDropped++;
      return;
    }
    this.matchedPolicies[this.matchedCount] = policy;
    this.matchedVerdicts[this.matchedCount] = verdict;
    this.matchedReasons[this.matchedCount] = reason;
    this.matchedCount++;
  }
}
