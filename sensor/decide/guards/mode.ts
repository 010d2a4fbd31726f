/** A policy that observes goes the whole way and injects nothing. */
import { POLICY_WORDS, PolicyField } from "../compiled.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function mode({ compiled, policy }: Question): Reason | 0 {
  return compiled.policies[policy * POLICY_WORDS + PolicyField.Enforce] === 1 ? 0 : Reason.ObserveMode;
}
