/**
 * What was decided, and what became of it, to event lines and counters. It runs after the packets have left, and
 * remembers of each connection under reset what its outcome will be told with: the flow record may be gone by then.
 */
import type { CompiledPolicy, Decision } from "./decide/mod.ts";
import { Verdict, verdictName } from "./decide/mod.ts";
import { describeFlow, describeUnseen } from "./describe.ts";
import type { InterfaceName } from "./describe.ts";
import { EventQuota } from "./eventQuota.ts";
import { Field } from "./flow/mod.ts";
import type { FlowTable } from "./flow/mod.ts";
import { FlowNotes } from "./flowNotes.ts";
import { fullName } from "./fullName.ts";
import { Outcome, outcomeName, OutcomeReason, outcomeReasonName, proofName } from "./inject/mod.ts";
import type { OutcomeRecord } from "./inject/mod.ts";
import { killTargetName, killTargetOf } from "./killTarget.ts";
import type { Recorder } from "./pipeline.ts";
import { alertEvent, Counter, Histograms, outcomeEvent, resetEvent } from "./report/mod.ts";
import type { Counters, EventDecision, EventFlow, SeverityName } from "./report/mod.ts";
import { verdictReasonNumber } from "./reasonNumbers.ts";

/** Connections under reset whose story is remembered; the oldest gives way. */
const MAX_STORIES = 65_536;
/** Connections whose findings `flowreset flows` can show; the oldest gives way. */
const MAX_FOUND = 16_384;

export interface RecorderOptions {
  readonly counters: Counters;
  /** Takes an event line (with its newline). False when it was dropped; whoever drops counts. */
  readonly emit: (line: string) => unknown;
  readonly nameOf: InterfaceName;
  readonly onReset?: (outcome: SettledReset) => void;
}

/** An outcome that belongs to a FlowReset. */
export interface SettledReset {
  readonly origin: number;
  readonly flow: EventFlow;
  readonly outcome: "Confirmed" | "Unconfirmed" | "Evaded" | "Failed";
  readonly reason: string;
  readonly rsts: number;
  readonly timeToFirstRstMicroseconds: number | undefined;
  readonly timeToConfirmedMicroseconds: number | undefined;
  /** Second where another node's sensor was to act first. */
  readonly actor: "first" | "second";
}

interface Story {
  readonly flow: EventFlow;
  readonly decision: EventDecision;
  /** An outcome was told. */
  isSettled?: boolean;
  /** Its `reset` event is written. */
  isResetTold: boolean;
  /** Verdicts that count only once this sensor has sent something: until then another node's sensor acts, and counts. */
  uncounted?: readonly CountedVerdict[];
}

interface CountedVerdict {
  readonly label: number;
  readonly verdict: number;
  readonly reason: number;
}

/** The policy's number outside (for metrics), by its index in the compiled policy; and its name back. */
export interface PolicyLabels {
  readonly ofPolicy: readonly number[];
  readonly names: ReadonlyMap<number, string>;
}

export class EventRecorder implements Recorder {
  table: FlowTable | undefined;
  #compiled: CompiledPolicy;
  #labels: PolicyLabels;
  readonly #options: RecorderOptions;
  /** Until the last outcome: that of a Confirmed kill is taken back where the connection moves on, while its flow is there. */
  readonly #stories = new FlowNotes<Story>(MAX_STORIES, (slot, generation, { isSettled }) => isSettled === true && !this.table!.isAlive(slot, generation));
  readonly #found = new FlowNotes<string[]>(MAX_FOUND, (slot, generation) => !this.table!.isAlive(slot, generation));
  /** FlowResets at work, by the origin that their outcomes name. */
  readonly #quota = new EventQuota();
  readonly #requests = new Map<number, EventDecision>();

  constructor(compiled: CompiledPolicy, labels: PolicyLabels, options: RecorderOptions) {
    this.#compiled = compiled;
    this.#labels = labels;
    this.#options = options;
  }

  swap(compiled: CompiledPolicy, labels: PolicyLabels): void {
    this.#compiled = compiled;
    this.#labels = labels;
  }

  onDecision(decision: Decision, interfaceIndex: number, packetMs: number, nowMs: number): void {
    const { counters, emit, nameOf } = this.#options;
    const flow = describeFlow(this.table!, decision.slot, nameOf, interfaceIndex);
    const told = this.#decisionOf(decision);
    const uncounted = this.#count(decision);
    const acts = decision.verdict === Verdict.Reset || decision.verdict === Verdict.Refuse;
    if (!decision.isRetry) {
      if (this.#mayTell(decision.policy, nowMs)) emit(alertEvent(packetMs, flow, decision.side, this.#signatureOf(decision), told));
      this.#remember(decision.slot, decision.generation, told);
      this.#tellOthers(decision, flow, told.policies, packetMs, nowMs);
    } else if (!acts && decision.verdict !== Verdict.Suppress) {
      // The alert, told when the finding began to wait, said Suppress; this is what would be done instead.
      if (this.#mayTell(decision.policy, nowMs)) emit(resetEvent(nowMs, flow, told, { rsts: 0, timeToFirstRstMicroseconds: 0, phase: "established" }));
    }
    if (!acts) return;
    const reactionMicroseconds = (nowMs - packetMs) * 1000;
    counters.observe(Histograms.reaction, reactionMicroseconds);
    this.#stories.set(decision.slot, decision.generation, { flow, decision: told, isResetTold: true, uncounted });
    const phase = decision.verdict === Verdict.Refuse ? "handshake" : "established";
    emit(resetEvent(nowMs, flow, told, { rsts: 1, timeToFirstRstMicroseconds: reactionMicroseconds, phase }));
  }

  /** A FlowReset begins to work, also on connections of which nothing was seen. */
  beginRequest(origin: number, decision: EventDecision): void {
    this.#requests.set(origin, decision);
  }

  endRequest(origin: number): void {
    this.#requests.delete(origin);
  }

  /** A FlowReset was judged on a connection. */
  onFlowReset(slot: number, origin: number, verdict: number, reason: string, nowMs: number): EventFlow {
    const flow = describeFlow(this.table!, slot, this.#options.nameOf);
    const decision = { ...this.#requests.get(origin)!, verdict: verdictName(verdict), reason };
    // A kill that is at work already stays that of who asked first.
    if (verdict === Verdict.Reset && !this.#isBeingKilled(slot)) this.#stories.set(slot, this.table!.generation(slot), { flow, decision, isResetTold: false });
    else if (verdict !== Verdict.Reset) this.#options.emit(resetEvent(nowMs, flow, decision, { rsts: 0, timeToFirstRstMicroseconds: 0, phase: "established" }));
    return flow;
  }

  onOutcome(record: OutcomeRecord): void {
    const { counters, emit } = this.#options;
    const story = (record.slot >= 0 ? this.#stories.get(record.slot, record.generation) : undefined) ?? this.#storyOf(record);
    if (record.joined) return void this.#tellOrigin(record, story.flow);
    story.isSettled = true;
    const isTakenBack = record.reason === OutcomeReason.MovedAfterConfirmed;
    if (isTakenBack || record.outcome !== Outcome.Confirmed) this.#stories.delete(record.slot, record.generation);
    const confirmedMicroseconds = timeToConfirmed(record);
    if (!record.isSecondActor || record.rsts > 0) this.#countOutcome(record, story);
    if (confirmedMicroseconds !== undefined) counters.observe(Histograms.timeToDead, confirmedMicroseconds);
    const bytesAfter = record.client.bytesAfter + record.server.bytesAfter;
    counters.add(Counter.BytesAfterTrigger, bytesAfter);
    const outcome = outcomeName(record.outcome) as SettledReset["outcome"];
    const reason = outcomeReasonName(record.reason);
    if (!story.isResetTold && !isTakenBack && record.firstRstMs > 0) {
      story.isResetTold = true;
      const phase = record.refuse ? "handshake" : "established";
      emit(resetEvent(record.firstRstMs, story.flow, story.decision, { rsts: 1, timeToFirstRstMicroseconds: (record.firstRstMs - record.detectedMs) * 1000, phase }));
    }
    emit(
      outcomeEvent(record.decidedMs, this.#current(record, story.flow), story.decision, {
        outcome,
        reason,
        evidence: [`client: ${proofName(record.client.proof)}`, `server: ${proofName(record.server.proof)}`],
        rsts: record.rsts,
        probes: record.probes,
        timeToFirstRstMicroseconds: record.firstRstMs > 0 ? (record.firstRstMs - record.detectedMs) * 1000 : undefined,
        timeToConfirmedMicroseconds: confirmedMicroseconds,
        bytesAfterTrigger: bytesAfter,
      }),
    );
    this.#tellOrigin(record, story.flow);
  }

  /** To the FlowReset that asked for the kill, or joined it. */
  #tellOrigin(record: OutcomeRecord, flow: EventFlow): void {
    if (record.origin < 0) return;
    this.#options.onReset?.({
      origin: record.origin,
      flow,
      outcome: outcomeName(record.outcome) as SettledReset["outcome"],
      reason: outcomeReasonName(record.reason),
      rsts: record.rsts,
      timeToFirstRstMicroseconds: record.firstRstMs > 0 ? (record.firstRstMs - record.detectedMs) * 1000 : undefined,
      timeToConfirmedMicroseconds: timeToConfirmed(record),
      actor: record.isSecondActor ? "second" : "first",
    });
  }

  #isBeingKilled(slot: number): boolean {
    const { words } = this.table!;
    const twin = this.table!.twin(slot);
    return words[this.table!.base(slot) + Field.Kill]! >= 0 || (twin >= 0 && words[this.table!.base(twin) + Field.Kill]! >= 0);
  }

  /** Rules that fired on the connection, for `flowreset flows`. */
  findingsOf(slot: number, generation: number): readonly string[] {
    return this.#found.get(slot, generation) ?? [];
  }

  #current(record: OutcomeRecord, flow: EventFlow): EventFlow {
    const table = this.table!;
    if (record.slot < 0 || !table.isAlive(record.slot, record.generation)) return flow;
    return { ...describeFlow(table, record.slot, this.#options.nameOf), flowId: flow.flowId };
  }

  #storyOf(record: OutcomeRecord): Story {
    const table = this.table!;
    const known = record.slot >= 0 && table.isAlive(record.slot, record.generation);
    const flow = known ? describeFlow(table, record.slot, this.#options.nameOf) : describeUnseen(record);
    const request = this.#requests.get(record.origin);
    if (request !== undefined) return { flow, decision: request, isResetTold: false };
    const policy = this.#labels.names.get(record.policy) ?? "other";
    const verdict = record.refuse ? "Refuse" : "Reset";
    const rule = record.byHold ? "hold" : "";
    const decision: EventDecision = { policy, policies: [policy], rule, mode: "Enforce", verdict, reason: rule, target: killTargetName(record.target) };
    return { flow, decision, isResetTold: false };
  }

  #remember(slot: number, generation: number, decision: EventDecision): void {
    const rule = `${decision.policy}/${decision.rule}`;
    const found = this.#found.get(slot, generation);
    if (found === undefined) this.#found.set(slot, generation, [rule]);
    else if (!found.includes(rule)) found.push(rule);
  }

  /** @returns what the second actor of a connection between two nodes does not count yet. */
  #count(decision: Decision): CountedVerdict[] {
    const { counters } = this.#options;
    counters.add(Counter.Findings, decision.newFindings);
    const uncounted: CountedVerdict[] = [];
    for (let i = 0; i < decision.matchedCount; i++) {
      const label = this.#labels.ofPolicy[decision.matchedPolicies[i]!] ?? 0;
      const verdict = decision.matchedVerdicts[i]!;
      const reason = verdictReasonNumber(decision.matchedReasons[i]!);
      const acts = verdict === Verdict.Reset || verdict === Verdict.Refuse;
      if (acts && decision.delayMs > 0) uncounted.push({ label, verdict, reason });
      else counters.series.countVerdict(label, verdict, reason);
    }
    return uncounted;
  }

  #countOutcome(record: OutcomeRecord, story: Story): void {
    const { series } = this.#options.counters;
    for (const { label, verdict, reason } of story.uncounted ?? []) series.countVerdict(label, verdict, reason);
    story.uncounted = [];
    series.countReset(Math.max(0, record.policy), record.target, record.outcome, record.reason);
  }

  /** Rules that fired beside the one that the decision names: each is a detection of its own. */
  #tellOthers(decision: Decision, flow: EventFlow, policies: readonly string[], packetMs: number, nowMs: number): void {
    const { names, policyOfRule } = this.#compiled;
    for (let i = 0; i < decision.firedCount; i++) {
      const [rule, signature, side] = [decision.firedRules[i]!, decision.firedSignatures[i]!, decision.firedSides[i]!];
      if (rule === decision.rule && signature === decision.signature) continue;
      const policy = policyOfRule[rule]!;
      const place = decision.find(policy);
      if (place < 0) continue;
      const { mode } = names.policies[policy]!;
      const told: EventDecision = {
        policy: fullName(names.policies[policy]!),
        policies,
        rule: names.rules[rule] ?? "",
        mode,
        verdict: verdictName(decision.matchedVerdicts[place]!),
        reason: String(decision.matchedReasons[place] || ""),
        target: killTargetName(killTargetOf(decision.target)),
      };
      this.#remember(decision.slot, decision.generation, told);
      if (this.#mayTell(policy, nowMs)) this.#options.emit(alertEvent(packetMs, flow, side, this.#signatureOf({ policy, rule, signature }), told));
    }
  }

  /** What was done is always told; what was seen or would be done within its tenant's quota. */
  #mayTell(policy: number, nowMs: number): boolean {
    if (this.#quota.take(this.#compiled.names.policies[policy]!.tenant, nowMs)) return true;
    this.#options.counters.add(Counter.EventsThrottled, 1);
    return false;
  }

  onIdentified(gapMs: number): void {
    this.#options.counters.observe(Histograms.identity, gapMs * 1_000);
  }

  #decisionOf(decision: Decision): EventDecision {
    const { names } = this.#compiled;
    const policy = names.policies[decision.policy]!;
    const matched: string[] = [];
    for (let i = 0; i < decision.matchedCount; i++) matched.push(fullName(names.policies[decision.matchedPolicies[i]!]!));
    return {
      policy: fullName(policy),
      policies: matched,
      rule: names.rules[decision.rule] ?? "",
      mode: policy.mode,
      verdict: verdictName(decision.verdict),
      reason: String(decision.reason || decision.holdRefused || ""),
      target: killTargetName(killTargetOf(decision.target)),
      ...(policy.tags.length > 0 && { tags: policy.tags }),
    };
  }

  #signatureOf(decision: Pick<Decision, "policy" | "rule" | "signature">): { id: number; revision: number; message: string; severity: SeverityName } {
    const { names } = this.#compiled;
    const severity = names.policies[decision.policy]!.severity as SeverityName;
    const signature = names.signatures[decision.signature];
    if (signature === undefined) return { id: 0, revision: 0, message: names.rules[decision.rule] ?? "", severity };
    return { id: signature.sid, revision: signature.rev, message: signature.msg, severity };
  }
}

export function requestDecision(flowReset: string, requestReason: string, target: number): EventDecision {
  const named = { flowReset, ...(requestReason === "" ? {} : { requestReason }) };
  return { ...named, policy: "", policies: [], rule: "", mode: "Enforce", verdict: "Reset", reason: "", target: killTargetName(target) };
}

/** Undefined where no RST left, or nothing was confirmed. */
function timeToConfirmed({ outcome, firstRstMs, decidedMs }: OutcomeRecord): number | undefined {
  return outcome === Outcome.Confirmed && firstRstMs > 0 ? (decidedMs - firstRstMs) * 1000 : undefined;
}
