/** A connection seen to carry several parties is not cut for the sake of one of them, unless the policy says so. */
import { FlowFlag } from "../../flow/mod.ts";
import { POLICY_WORDS, PolicyField } from "../compiled.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function sharedConnection({ compiled, policy, flags }: Question): Reason | 0 {
  if ((flags & FlowFlag.ManyParties) === 0) return 0;
  return compiled.policies[policy * POLICY_WORDS + PolicyField.AllowShared] === 1 ? 0 : Reason.SharedConnection;
}
