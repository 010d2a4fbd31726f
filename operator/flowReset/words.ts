/** What became of a FlowReset, in one word for programs and one sentence for people. */
import type { FlowResetPhase, FlowResetSpec } from "../../crds/mod.ts";
import type { Answers } from "./asking.ts";
import type { Joined, NodeResult } from "./join.ts";
import { MAX_NAMED } from "./limits.ts";

export interface Ending {
  readonly phase: FlowResetPhase & ("Succeeded" | "Failed" | "Expired");
  readonly reason: string;
  readonly message: string;
}

/** Some sensor refused to begin (TooManyFlows and the like). */
export function refusalOf(results: readonly NodeResult[], answers: Answers): Ending | undefined {
  const refused = results.filter(({ phase }) => phase === "Failed").toSorted((a, b) => (a.node < b.node ? -1 : 1));
  const [first] = refused;
  if (first === undefined) return undefined;
  const others = refused.length === 1 ? "" : `; ${refused.length - 1} more refused`;
  const words = first.message === "" ? "its sensor refused" : first.message;
  return { phase: "Failed", reason: first.reason === "" ? "Refused" : first.reason, message: `${first.node}: ${words}${others}${unheard(answers)}` };
}

/** Everything is known that will be. */
export function outcomeOf({ dryRun }: FlowResetSpec, { flows, counts }: Joined, results: readonly NodeResult[], answers: Answers): Ending {
  const { matched, reset, confirmed, unconfirmed, evaded, failed, wouldReset } = counts;
  const rest = unheard(answers);
  if (matched === 0) {
    const looked = Math.max(answers.answered, results.length);
    return { phase: "Succeeded", reason: "NothingMatched", message: `Nothing matched on ${sensors(looked)}${rest}` };
  }
  if (dryRun) return { phase: "Succeeded", reason: "DryRun", message: `${connections(wouldReset)} of ${matched} would be reset${rest}` };
  if (reset === 0) {
    // Nothing was cut of what should have been: whoever waits for Complete must not be told so.
    const reason = commonest(flows.map((flow) => flow.reason)) ?? "NotReset";
    return { phase: "Failed", reason, message: `None of ${connections(matched)} was reset: ${reason}${rest}` };
  }
  const parts = [part(confirmed, "proved dead"), part(unconfirmed, "silent"), part(evaded, "alive"), part(failed, "failed"), part(matched - reset - failed, "left alone")];
  const message = `${reset} of ${connections(matched)} reset: ${parts.filter((text) => text !== "").join(", ")}${rest}`;
  if (evaded > 0 || failed > 0) return { phase: "Failed", reason: evaded > 0 ? "Evaded" : "Incomplete", message };
  return { phase: "Succeeded", reason: unconfirmed > 0 ? "Unconfirmed" : confirmed === reset ? "Confirmed" : "Reset", message };
}

export function activeWords(answers: Answers, { counts }: Joined, isHeld: boolean): { reason: string; message: string } {
  if (answers.asked === 0 || (answers.answered === 0 && answers.waitingFor.length === 0)) {
    return { reason: "NoSensor", message: `Waiting for a sensor${unheard(answers)}` };
  }
  if (answers.waitingFor.length > 0) return { reason: "Looking", message: `${answers.answered} of ${sensors(answers.asked)} looked` };
  return { reason: isHeld ? "Holding" : "Resetting", message: `${connections(counts.matched)} matched, ${counts.reset} reset, ${counts.confirmed} proved dead${unheard(answers)}` };
}

/** The part of the answer that is missing, never silently. */
function unheard({ waitingFor, unwatched }: Answers): string {
  const silent = waitingFor.length === 0 ? "" : `; ${sensors(waitingFor.length)} did not answer (${named(waitingFor)})`;
  return unwatched.length === 0 ? silent : `${silent}; no sensor on ${named(unwatched)}`;
}

function named(nodes: readonly string[]): string {
  const shown = nodes.slice(0, MAX_NAMED).join(", ");
  return nodes.length > MAX_NAMED ? `${shown} and ${nodes.length - MAX_NAMED} more` : shown;
}

function commonest(words: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const word of words) if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0];
}

function part(count: number, words: string): string {
  return count === 0 ? "" : `${count} ${words}`;
}

function sensors(count: number): string {
  return count === 1 ? "1 sensor" : `${count} sensors`;
}

function connections(count: number): string {
  return count === 1 ? "1 connection" : `${count} connections`;
}
