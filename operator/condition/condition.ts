/** meta/v1 Condition, and the three that kstatus (Argo CD, Flux, kubectl wait) reads: Ready, Reconciling, Stalled. */

import type { Condition } from "../../crds/mod.ts";

/** What a program says; generation and time are put in when it is merged. The reason is CamelCase: part of the API. */
export type ConditionWords = Readonly<Pick<Condition, "type" | "status" | "reason" | "message">>;

/** Longest sentence that the schemas of statuses take. */
const MAX_MESSAGE = 1_024;

/** The conditions of `previous` with those of `next` put in or put anew; order of `previous`, then of `next`. */
export function mergeConditions(previous: readonly Condition[], next: readonly ConditionWords[], generation: number, nowMs: number): Condition[] {
  const merged = new Map(previous.map((condition) => [condition.type, condition]));
  for (const condition of next) {
    const before = merged.get(condition.type);
    const moved = before?.status !== condition.status;
    merged.set(condition.type, {
      type: condition.type,
      status: condition.status,
      reason: condition.reason,
      message: shortened(condition.message),
      observedGeneration: generation,
      lastTransitionTime: moved ? rfc3339(nowMs) : before.lastTransitionTime,
    });
  }
  return [...merged.values()];
}

/** Not within a character: half of one would be stored as another, and what is written never be what is shown. */
export function shortened(text: string, most = MAX_MESSAGE): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most - 3).replace(/[\ud800-\udbff]$/, "")}...`;
}

/** What an object's state comes to: one of three. */
export interface Verdict {
  readonly state: "Ready" | "Reconciling" | "Stalled";
  readonly reason: string;
  readonly message: string;
}

/** Stalled is said only where a person must act: kstatus calls the object failed then. */
export function readiness({ state, reason, message }: Verdict): ConditionWords[] {
  return [
    { type: "Ready", status: state === "Ready" ? "True" : "False", reason, message },
    { type: "Reconciling", status: state === "Reconciling" ? "True" : "False", reason, message: state === "Reconciling" ? message : "" },
    { type: "Stalled", status: state === "Stalled" ? "True" : "False", reason, message: state === "Stalled" ? message : "" },
  ];
}

/** Whole seconds, as an API server writes times. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
