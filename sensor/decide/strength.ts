/** Which of two policies that both want a connection acts on it. */
import { type CompiledPolicy, POLICY_WORDS, PolicyField } from "./compiled.ts";

/** The one that enforces; of two the one that holds longer, then the one that resets more ends, then the first. */
export function isStronger({ policies, policyHoldMs }: CompiledPolicy, policy: number, enforces: boolean, than: number, thanEnforces: boolean): boolean {
  if (enforces !== thanEnforces) return enforces;
  if (policyHoldMs[policy] !== policyHoldMs[than]) return policyHoldMs[policy]! > policyHoldMs[than]!;
  const target = bitCount(policies[policy * POLICY_WORDS + PolicyField.Target]!);
  const thanTarget = bitCount(policies[than * POLICY_WORDS + PolicyField.Target]!);
  return target !== thanTarget ? target > thanTarget : policy < than;
}

/** Of a ResetTarget. */
function bitCount(target: number): number {
  return (target & 1) + ((target >>> 1) & 1);
}
