/** An endpoint that the policy, or for every policy a cluster policy, says is to be left alone. */
import { has } from "../../detect/mod.ts";
import { POLICY_WORDS, PolicyField } from "../compiled.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function exempt(question: Question): Reason | 0 {
  const own = question.compiled.policies[question.policy * POLICY_WORDS + PolicyField.Exempt]!;
  return holdsAnEnd(question, own) || holdsAnEnd(question, question.compiled.guards.exemptForAll) ? Reason.Exempt : 0;
}

function holdsAnEnd(question: Question, set: number): boolean {
  const { addresses } = question.compiled.guards;
  if (has(addresses, question.row0, set) || has(addresses, question.row1, set)) return true;
  return question.twinBase >= 0 && (has(addresses, question.twinRow0, set) || has(addresses, question.twinRow1, set));
}
