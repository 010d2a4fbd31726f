/**
 * The life of a FlowReset as one pure function: what its status should be now, and when to look again. The status is
 * written when the phase changes, because each write goes to every node that watches.
 */
import { mergeConditions, rfc3339, sameStatus, shortened, type ConditionWords } from "../condition/mod.ts";
import type { Condition, FlowInStatus, FlowResetPhase, FlowResetSpec, FlowResetStatus } from "../../crds/mod.ts";
import type { Answers } from "./asking.ts";
import { holdMs } from "./facts.ts";
import type { Joined, JoinedFlow, NodeResult } from "./join.ts";
import { ACTIVE_AFTER_MS, ANSWER_WAIT_MS, OBJECT_MAX_AGE_MS, REFRESH_MS, RESULT_WAIT_MS, TAKEOVER_WAIT_MS } from "./limits.ts";
import { activeWords, outcomeOf, refusalOf, type Ending } from "./words.ts";

export interface FlowResetInput {
  readonly generation: number;
  readonly createdMs: number;
  readonly spec?: FlowResetSpec | undefined;
  readonly fault?: { readonly reason: "Invalid" | "NotSupported"; readonly message: string } | undefined;
  readonly status: FlowResetStatus;
  readonly results: readonly NodeResult[];
  readonly joined: Joined;
  readonly answers: Answers;
  /** Over which all sensors of a fleet answer. */
  readonly answerSpreadMs: number;
  /** When this leader first saw the object. */
  readonly seenMs: number;
  /** When it began to lead. */
  readonly ledSinceMs: number;
  /** When the status was last written by this leader; 0: never. */
  readonly writtenMs: number;
  readonly nowMs: number;
}

export interface FlowResetPlan {
  /** Absent: as it is. */
  readonly status?: FlowResetStatus;
  /** Absent: nothing happens by itself any more. */
  readonly againMs?: number;
}

const MAX_FLOWS = 10;

export function planFlowReset(input: FlowResetInput): FlowResetPlan {
  const { spec, fault, nowMs } = input;
  if (fault !== undefined || spec === undefined) {
    return { status: finished(input, { phase: "Failed", reason: fault?.reason ?? "Invalid", message: fault?.message ?? "Cannot read it" }, false) };
  }
  const startMs = startOf(input);
  const untilMs = holdUntil(input, startMs);
  const ending = endingOf(input, spec, untilMs);
  if (typeof ending !== "number") return { status: finished(input, ending, true) };
  return activePlan(input, spec, startMs, untilMs, Math.max(1, ending - nowMs));
}

/** How it ends, if it ends now; else when (in ms) time alone could end it. */
function endingOf(input: FlowResetInput, spec: FlowResetSpec, untilMs: number): Ending | number {
  const { answers, results, nowMs, createdMs } = input;
  const askedUntilMs = input.seenMs + (createdMs < input.ledSinceMs ? TAKEOVER_WAIT_MS : ANSWER_WAIT_MS) + input.answerSpreadMs;
  const someLooked = answers.answered > 0 || results.length > 0 || input.joined.counts.matched > 0;
  if (!someLooked) {
    const expiresMs = Math.max(createdMs + OBJECT_MAX_AGE_MS, createdMs + holdMs(spec), askedUntilMs);
    return nowMs >= expiresMs ? { phase: "Expired", reason: "NobodyLooked", message: "No sensor looked in time" } : expiresMs;
  }
  if (answers.waitingFor.length > 0 && nowMs < askedUntilMs) return askedUntilMs;
  if (results.some(({ phase }) => phase === "Active")) {
    const doneMs = untilMs + RESULT_WAIT_MS;
    // At its end a hold is over for all: sensors stop when they see the object finished.
    if (holdMs(spec) > 0 && nowMs >= untilMs) return outcomeOf(spec, input.joined, input.results, answers);
    if (nowMs < doneMs) return holdMs(spec) > 0 ? untilMs : doneMs;
  }
  const refusal = refusalOf(results, answers);
  if (refusal !== undefined) return refusal;
  return nowMs < untilMs && !spec.dryRun ? untilMs : outcomeOf(spec, input.joined, results, answers);
}

/** Active is written after a moment, and brought up to date now and then while it lasts. */
function activePlan(input: FlowResetInput, spec: FlowResetSpec, startMs: number, untilMs: number, endsInMs: number): FlowResetPlan {
  const { status, seenMs, writtenMs, nowMs, answerSpreadMs } = input;
  const isActive = status.phase === "Active";
  const isBrief = holdMs(spec) === 0 || spec.dryRun;
  const dueMs = isActive ? Math.max(writtenMs, seenMs) + Math.max(REFRESH_MS, answerSpreadMs) : seenMs + ACTIVE_AFTER_MS + (isBrief ? answerSpreadMs : 0);
  const { reason, message } = activeWords(input.answers, input.joined, holdMs(spec) > 0);
  const next = statusOf(input, "Active", message, startMs, untilMs, [
    { type: "Accepted", status: "True", reason: "Accepted", message: "" },
    { type: "Ready", status: "False", reason, message },
    { type: "Reconciling", status: "True", reason, message },
    { type: "Stalled", status: "False", reason, message: "" },
  ]);
  if (isActive && sameStatus(next, status)) return { againMs: endsInMs };
  if (nowMs < dueMs) return { againMs: Math.min(endsInMs, dueMs - nowMs) };
  return { status: next, againMs: Math.min(endsInMs, REFRESH_MS) };
}

function finished(input: FlowResetInput, { phase, reason, message }: Ending, isAccepted: boolean): FlowResetStatus {
  const isComplete = phase === "Succeeded";
  const startMs = startOf(input);
  const untilMs = holdUntil(input, startMs);
  const status = statusOf(input, phase, message, startMs, untilMs, [
    { type: "Accepted", status: isAccepted ? "True" : "False", reason: isAccepted ? "Accepted" : reason, message: isAccepted ? "" : message },
    isComplete ? { type: "Complete", status: "True", reason, message } : { type: "Failed", status: "True", reason, message },
    { type: "Ready", status: isComplete ? "True" : "False", reason, message },
    { type: "Reconciling", status: "False", reason, message: "" },
    { type: "Stalled", status: isComplete ? "False" : "True", reason, message: isComplete ? "" : message },
  ]);
  return { ...status, completionTime: input.status.completionTime ?? rfc3339(input.nowMs) };
}

function statusOf(input: FlowResetInput, phase: FlowResetPhase, message: string, startMs: number, untilMs: number, conditions: readonly ConditionWords[]): FlowResetStatus {
  const { joined, answers, generation, nowMs, spec } = input;
  return {
    observedGeneration: generation,
    phase,
    startTime: rfc3339(startMs),
    ...(spec !== undefined && holdMs(spec) > 0 && { holdUntilTime: rfc3339(untilMs) }),
    conditions: mergeConditions(withoutRival(input.status.conditions ?? [], conditions), conditions, generation, nowMs),
    summary: joined.counts,
    sensors: { asked: Math.max(answers.asked, answers.answered), answered: answers.answered },
    ...(joined.flows.length > 0 && { flows: joined.flows.slice(0, MAX_FLOWS).map(flowInStatus) }),
    message: shortened(message),
  };
}

/** Complete and Failed are never both there: a late result can turn one into the other. */
function withoutRival(previous: readonly Condition[], next: readonly ConditionWords[]): readonly Condition[] {
  const rivals = next.flatMap(({ type }) => (type === "Complete" ? ["Failed"] : type === "Failed" ? ["Complete"] : []));
  return previous.filter(({ type }) => !rivals.includes(type));
}

function flowInStatus({ node, client, server, clientPod, serverPod, outcome, reason, latencyMicroseconds }: JoinedFlow): FlowInStatus {
  return {
    node,
    client,
    server,
    ...(clientPod !== undefined && { clientPod }),
    ...(serverPod !== undefined && { serverPod }),
    outcome,
    ...(reason !== "" && { reason }),
    ...(latencyMicroseconds > 0 && { latency: `${(latencyMicroseconds / 1_000).toFixed(1)}ms` }),
  };
}

/** Never shorter than asked for: what is written has whole seconds only. */
function holdUntil({ status, spec }: FlowResetInput, startMs: number): number {
  const written = Date.parse(status.holdUntilTime ?? "");
  if (!Number.isNaN(written)) return written;
  const ms = spec === undefined ? 0 : holdMs(spec);
  return ms === 0 ? startMs : Math.ceil((startMs + ms) / 1_000) * 1_000;
}

/** The first sensor's or the operator's beginning; no node's clock can put it before the object or after now. */
function startOf({ status, results, createdMs, seenMs, nowMs }: FlowResetInput): number {
  const written = Date.parse(status.startTime ?? "");
  if (!Number.isNaN(written)) return written;
  const told = results.map(({ startedAt }) => Date.parse(startedAt)).filter((ms) => !Number.isNaN(ms));
  return Math.min(nowMs, Math.max(createdMs, Math.min(seenMs, ...told)));
}
