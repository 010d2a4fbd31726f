/** How sure a finding must be before the policy acts on it. */
import { POLICY_WORDS, PolicyField } from "../compiled.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function scope({ compiled, policy, confidence }: Question): Reason | 0 {
  return confidence < compiled.policies[policy * POLICY_WORDS + PolicyField.MinConfidence]! ? Reason.LowConfidence : 0;
}
