/**
 * Where a reset is decided. For every policy whose rule fired, the guards below are asked from top to bottom, and the
 * first that stands in the way is the reason. What no guard holds back is a Reset (a Refuse in the handshake); where
 * injecting is restrained, it is a WouldReset. Of several policies on one flow any Enforce comes before Observe, then
 * the longest hold, then the wider target, then the first by name; all are named.
 */
import type { Finding, FlowRecords } from "../detect/mod.ts";
import { Field, FLOW_WORDS, FlowFlag, SIDE_WORDS, SideField } from "../flow/mod.ts";
import { type CompiledPolicy, FLOW_RESET_WORDS, FlowResetField, POLICY_WORDS, PolicyField } from "./compiled.ts";
import { ConnectionBudget } from "./connectionBudget.ts";
import type { Claims } from "./claims.ts";
import { Decision } from "./decision.ts";
import { flowResetMatches } from "./flowResetMatch.ts";
import { alive } from "./guards/alive.ts";
import { enforcesMore, HeldBack } from "./heldBack.ts";
import { placeHold } from "./holdPlace.ts";
import { authenticated } from "./guards/authenticated.ts";
import { beingReset } from "./guards/beingReset.ts";
import { budget, spendsBudget } from "./guards/budget.ts";
import { exempt } from "./guards/exempt.ts";
import { identity } from "./guards/identity.ts";
import { mode } from "./guards/mode.ts";
import { namespaceEnforced } from "./guards/namespaceEnforced.ts";
import { protectedEndpoint } from "./guards/protectedEndpoint.ts";
import { scope } from "./guards/scope.ts";
import { sharedConnection } from "./guards/sharedConnection.ts";
import { stopped } from "./guards/stopped.ts";
import { tenant } from "./guards/tenant.ts";
import { MAX_DECISIONS } from "./limits.ts";
import { type Guard, Question } from "./question.ts";
import { Bucket, RateBudget } from "./rateBudget.ts";
import { createBudgets } from "./budgetMemory.ts";
import { bucketCapacities, bucketNames } from "./buckets.ts";
import { Reason } from "./reason.ts";
import { secondActorDelayMs } from "./secondActor.ts";
import { Stop } from "./stop.ts";
import { isStronger } from "./strength.ts";
import { Verdict } from "./verdict.ts";
import { WaitingFindings } from "./waitingFindings.ts";

/** What stands in the way of a detection, in this order: the first reason counts. */
const GUARDS: readonly Guard[] = [tenant, protectedEndpoint, exempt, scope, identity, alive, authenticated, sharedConnection, beingReset, budget];

/** What stands in the way of a FlowReset: a person has named the flow, so neither liveness nor budgets; it joins a kill. */
const FLOW_RESET_GUARDS: readonly Guard[] = [tenant, protectedEndpoint, authenticated];

/** What turns Reset into WouldReset: first what the policy itself says. */
const RESTRAINTS: readonly Guard[] = [mode, namespaceEnforced, stopped];
const FLOW_RESET_RESTRAINTS: readonly Guard[] = [namespaceEnforced, stopped];

const ISN0 = Field.Sides + SideField.Isn;
const ISN1 = ISN0 + SIDE_WORDS;

export interface DeciderOptions {
  readonly flows: FlowRecords;
  readonly compiled: CompiledPolicy;
  /** One word (Stop), shared with the main thread: not 0 while nothing may be injected. */
  readonly stop: Int32Array;
  /** For the table of sources of a memory of its own; random where traffic is live. */
  readonly seed: number;
  /** Where several Workers may see one connection. */
  readonly claims?: Claims | undefined;
  /** Of createBudgets(): what several Workers spend together. Without it one spends alone. */
  readonly budgets?: SharedArrayBuffer | undefined;
}

export class Decider {
  /** The decisions of this step are the first that decideAll() said. */
  readonly decisions: readonly Decision[] = Array.from({ length: MAX_DECISIONS }, () => new Decision());
  readonly waiting = new WaitingFindings();
  readonly held: HeldBack;
  /** Flows that a FlowReset names and that nobody can be sure are its tenant's; whoever reads it sets it to 0. */
  leftAlone = 0;
  readonly #question: Question;
  readonly #words: Int32Array;
  readonly #stop: Int32Array;
  readonly #single: Finding[] = [];
  readonly #claims: Claims | undefined;
  #compiled: CompiledPolicy;
  /** Why the last #judge() did not reset, 0 where it did. */
  #reason: Reason | 0 = 0;

  constructor({ flows, compiled, stop, seed, claims, budgets }: DeciderOptions) {
    this.#words = flows.words;
    this.held = new HeldBack(flows.capacity);
    this.#claims = claims;
    this.#stop = stop;
    this.#compiled = compiled;
    const rates = new RateBudget(budgets ?? createBudgets(seed));
    rates.use(bucketCapacities(compiled), bucketNames(compiled));
    this.#question = new Question(flows, compiled, rates, new ConnectionBudget());
  }

  /** The last decision of decide(), decideFlowReset() or retry(). */
  get decision(): Decision {
    return this.decisions[0]!;
  }

  /** Verdict on one finding; the whole of it is `decision`. */
  decide(finding: Finding, nowMs: number): number {
    this.#single[0] = finding;
    this.decideAll(this.#single, 1, nowMs);
    return this.decision.verdict;
  }

  /**
   * Decides the first `count` findings, those of one flow (which stand together) as one; gives the number of decisions.
   * What is held back again is none: it was told.
   */
  decideAll(findings: readonly Finding[], count: number, nowMs: number): number {
    let decided = 0;
    for (let first = 0; first < count; ) {
      let end = first + 1;
      while (end < count && findings[end]!.slot === findings[first]!.slot && findings[end]!.generation === findings[first]!.generation) end++;
      // What is asked of the budgets must hold until it is taken.
      this.#question.rates.lock();
      try {
        if (this.#decideFlow(findings, first, end, this.decisions[decided]!, nowMs)) decided++;
      } finally {
        this.#question.rates.unlock();
      }
      first = end;
    }
    return decided;
  }

  /** Call for a packet that showed its flow alive: true where a finding had waited for that and `decision` is new. */
  retry(slot: number, nowMs: number): boolean {
    const finding = this.waiting.peek(slot);
    if (finding === undefined) return false;
    if (finding.generation !== this.#words[slot * FLOW_WORDS + Field.Generation]) {
      this.waiting.remove(finding);
      return false;
    }
    this.#question.load(slot);
    if (alive(this.#question) !== 0 || this.#isOthers(slot, nowMs)) return false;
    this.#single[0] = finding;
    const isNews = this.decideAll(this.#single, 1, nowMs) > 0;
    this.decision.isRetry = true;
    this.waiting.remove(finding);
    return isNews;
  }

  /**
   * The next connection to look at anew, -1 for none now: what held its reset back has ended, or a budget has refilled.
   * What the detector says again of it is to be decided.
   */
  nextHeld(nowMs: number): number {
    const stopped = Atomics.load(this.#stop, 0);
    const slot = this.held.nextRestrained(stopped);
    if (slot >= 0 || !this.held.isRetryDue(stopped, nowMs) || !this.#hasLeftOver(nowMs)) return slot;
    return this.held.nextDeferred();
  }

  /** Whether the node's bucket has anything for those that wait: see guards/budget.ts. */
  #hasLeftOver(nowMs: number): boolean {
    const { rates } = this.#question;
    rates.lock();
    const left = rates.leftOver(Bucket.Node, nowMs);
    rates.unlock();
    return left >= 1;
  }

  /** True where nextHeld() should be asked again at once. */
  get isReleasing(): boolean {
    return this.held.isReleasing(Atomics.load(this.#stop, 0));
  }

  /** A stop has ended a kill before its time. */
  onKillStopped(slot: number): void {
    this.held.restrain(slot, Stop.Emergency);
  }

  /** The slot is about to be given to another connection. */
  onEvict(slot: number): void {
    this.held.forget(slot);
  }

  /** Whether the FlowReset may and does mean the flow. Another tenant's is none of its matches, whatever it names. */
  flowResetMatches(index: number, slot: number): boolean {
    if (!flowResetMatches(this.#compiled, this.#words, index, slot)) return false;
    this.#question.load(slot);
    this.#turnToFlowReset(index);
    const reason = tenant(this.#question);
    if (reason === Reason.SpoofedInterface || reason === Reason.UnknownPod) this.leftAlone++;
    return reason === 0;
  }

  /** Whether the flow is protected now, also from what was decided before: a hold of earlier. */
  isProtected(slot: number): boolean {
    this.#question.load(slot);
    return protectedEndpoint(this.#question) !== 0;
  }

  #turnToFlowReset(index: number): void {
    const question = this.#question;
    question.namespace = this.#compiled.flowResets[index * FLOW_RESET_WORDS + FlowResetField.Namespace]!;
    question.object = this.#compiled.policyCount + index;
  }

  /** Verdict on a flow that the FlowReset matches; the whole of it is `decision`. */
  decideFlowReset(index: number, slot: number, nowMs: number): number {
    const question = this.#question;
    const { flowResets, flowResetHoldMs } = this.#compiled;
    const at = index * FLOW_RESET_WORDS;
    const { decision } = this;
    question.load(slot);
    this.#turnToFlowReset(index);
    question.nowMs = nowMs;
    question.stopped = Atomics.load(this.#stop, 0);
    decision.begin(slot, this.#words[question.base + Field.Generation]!);
    decision.flowReset = index;
    decision.target = flowResets[at + FlowResetField.Target]!;
    this.#grantHold(decision, flowResetHoldMs[index]!);
    decision.delayMs = secondActorDelayMs(question, decision);
    decision.reason = ask(FLOW_RESET_GUARDS, question);
    if (decision.reason !== 0) return Verdict.Suppress;
    decision.reason = flowResets[at + FlowResetField.DryRun] === 1 ? Reason.DryRun : ask(FLOW_RESET_RESTRAINTS, question);
    decision.verdict = decision.reason === 0 ? Verdict.Reset : Verdict.WouldReset;
    return decision.verdict;
  }

  /**
   * Takes a new policy. Budgets of policies that stay keep what was used of them. Rules have other numbers now: what
   * waits is said again by the detector.
   */
  swap(compiled: CompiledPolicy): void {
    if (enforcesMore(this.#compiled, compiled)) this.held.release();
    this.waiting.moveTo(this.held.deferred);
    this.#question.rates.use(bucketCapacities(compiled), bucketNames(compiled));
    this.#compiled = compiled;
    this.#question.compiled = compiled;
  }

  /** False where nothing is news. */
  #decideFlow(findings: readonly Finding[], first: number, end: number, decision: Decision, nowMs: number): boolean {
    const question = this.#question;
    question.load(findings[first]!.slot);
    question.nowMs = nowMs;
    question.stopped = Atomics.load(this.#stop, 0);
    decision.begin(findings[first]!.slot, findings[first]!.generation);
    decision.isRetry = areAgain(findings, first, end);
    let winner = -1;
    let winnerEnforces = false;
    let isOverBudget = false;
    for (let i = first; i < end; i++) {
      const finding = findings[i]!;
      decision.fired(finding);
      const policy = this.#compiled.policyOfRule[finding.rule]!;
      const known = decision.find(policy);
      if (known >= 0 && decision.matchedVerdicts[known] !== Verdict.Suppress) continue;
      const verdict = this.#judge(finding, policy);
      if (verdict !== Verdict.Suppress ? !spendsBudget(question.restraint) : isBudget(this.#reason)) {
        if (spendsBudget(question.restraint)) isOverBudget = true;
        else this.held.restrain(decision.slot, question.stopped);
      }
      if (decision.isRetry && (verdict === Verdict.Suppress || !spendsBudget(question.restraint))) {
        if (this.#reason === Reason.NotSeenAlive) this.#wait(finding);
        continue;
      }
      if (known < 0) decision.name(policy, verdict, this.#reason);
      else decision.amend(known, verdict, this.#reason);
      if (verdict === Verdict.Suppress) continue;
      const enforces = question.restraint !== Reason.ObserveMode && question.restraint !== Reason.NamespaceNotEnforced;
      if (winner >= 0 && !isStronger(this.#compiled, policy, enforces, decision.policy, winnerEnforces)) continue;
      winner = i;
      winnerEnforces = enforces;
      decision.policy = policy;
      decision.verdict = verdict;
      decision.reason = this.#reason;
    }
    if (winner >= 0 && winnerEnforces && !findings[winner]!.handshake && !this.#claim(decision.slot, nowMs)) {
      decision.withdraw(Reason.AlreadyBeingReset);
      this.#wait(findings[winner]!);
      winner = -1;
    }
    if (winner >= 0) this.#grant(decision, findings[winner]!);
    else if (!decision.isRetry) this.#suppress(decision, findings, first, end);
    if (isOverBudget && (winner < 0 || !spendsBudget(decision.reason))) this.held.deferred.add(decision.slot);
    return winner >= 0 || !decision.isRetry;
  }

  /** For a sign of life. Where another finding of its flow does, all of them are said again by and by. */
  #wait(finding: Finding): void {
    if (!this.waiting.keep(finding)) this.held.deferred.add(finding.slot);
  }

  /** False where another Worker acts on the connection already; the finding waits for what becomes of that. */
  #claim(slot: number, nowMs: number): boolean {
    if (this.#claims === undefined || !this.#knowsBothIsns(slot)) return true;
    const at = slot * FLOW_WORDS;
    return this.#claims.take(this.#words[at + ISN0]!, this.#words[at + ISN1]!, nowMs);
  }

  #isOthers(slot: number, nowMs: number): boolean {
    if (this.#claims === undefined || !this.#knowsBothIsns(slot)) return false;
    const at = slot * FLOW_WORDS;
    return this.#claims.isTaken(this.#words[at + ISN0]!, this.#words[at + ISN1]!, nowMs);
  }

  #knowsBothIsns(slot: number): boolean {
    const both = FlowFlag.Isn0 | FlowFlag.Isn1;
    return (this.#words[slot * FLOW_WORDS + Field.Flags]! & both) === both;
  }

  #judge(finding: Finding, policy: number): number {
    const question = this.#question;
    question.policy = policy;
    question.object = policy;
    question.namespace = this.#compiled.policies[policy * POLICY_WORDS + PolicyField.Namespace]!;
    question.generation = finding.generation;
    question.handshake = finding.handshake;
    question.confidence = finding.confidence;
    question.isAgain = finding.isAgain;
    question.restraint = ask(RESTRAINTS, question);
    this.#reason = ask(GUARDS, question);
    if (this.#reason !== 0) return Verdict.Suppress;
    this.#reason = question.restraint;
    if (finding.handshake) return question.restraint === 0 ? Verdict.Refuse : Verdict.WouldRefuse;
    return question.restraint === 0 ? Verdict.Reset : Verdict.WouldReset;
  }

  #grant(decision: Decision, finding: Finding): void {
    const question = this.#question;
    const { nowMs, rates, connections, words } = question;
    this.#describe(decision, finding);
    question.namespace = this.#compiled.policies[decision.policy * POLICY_WORDS + PolicyField.Namespace]!;
    this.#grantHold(decision, this.#compiled.policyHoldMs[decision.policy]!);
    decision.delayMs = secondActorDelayMs(question, decision);
    const source = question.base + Field.InitiatorAddress;
    for (let i = 0; i < decision.matchedCount; i++) {
      if (decision.matchedVerdicts[i] !== Verdict.Suppress) rates.take(Bucket.FirstPolicy + decision.matchedPolicies[i]!, words, source, nowMs);
    }
    const spends = spendsBudget(decision.reason);
    rates.take(spends ? Bucket.Node : Bucket.NodeObserving, words, source, nowMs);
    if (spends) connections.count(decision.slot, decision.generation);
  }

  /** Every policy was held back: the first finding speaks, and waits where it only lacked a sign of life. */
  #suppress(decision: Decision, findings: readonly Finding[], first: number, end: number): void {
    decision.policy = decision.matchedPolicies[0]!;
    decision.reason = decision.matchedReasons[0]!;
    this.#describe(decision, findings[first]!);
    for (let i = first; i < end; i++) {
      const place = decision.find(this.#compiled.policyOfRule[findings[i]!.rule]!);
      if (place < 0 || decision.matchedReasons[place] !== Reason.NotSeenAlive) continue;
      this.#wait(findings[i]!);
      return;
    }
  }

  #describe(decision: Decision, finding: Finding): void {
    const { policies } = this.#compiled;
    const at = decision.policy * POLICY_WORDS;
    decision.rule = finding.rule;
    decision.signature = finding.signature;
    decision.side = finding.side;
    decision.confidence = finding.confidence;
    decision.target = policies[at + PolicyField.Target]!;
    decision.rstPackets = policies[at + PolicyField.RstPackets]!;
    decision.evidencePackets = policies[at + PolicyField.EvidencePackets]!;
  }

  #grantHold(decision: Decision, holdMs: number): void {
    decision.holdMs = holdMs;
    placeHold(this.#question, decision);
  }
}

/** The first reason, 0 where no guard has one. */
function ask(guards: readonly Guard[], question: Question): Reason | 0 {
  for (let i = 0; i < guards.length; i++) {
    const reason = guards[i]!(question);
    if (reason !== 0) return reason;
  }
  return 0;
}

function areAgain(findings: readonly Finding[], first: number, end: number): boolean {
  for (let i = first; i < end; i++) if (!findings[i]!.isAgain) return false;
  return true;
}

/** A budget that fills again while the connection lives. */
function isBudget(reason: Reason | 0): boolean {
  return reason === Reason.PolicyBudget || reason === Reason.NodeBudget;
}
