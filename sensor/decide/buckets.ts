/** The rate buckets of a compiled policy. */
import { identityOf } from "../detect/mod.ts";
import type { CompiledPolicy } from "./compiled.ts";
import { POLICY_WORDS, PolicyField } from "./compiled.ts";
import { Bucket } from "./rateBudget.ts";

/** Connections a minute of each bucket. */
export function bucketCapacities({ connectionsPerMinute, policyCount, policies }: CompiledPolicy): Float64Array {
  const capacities = new Float64Array(Bucket.FirstPolicy + policyCount).fill(connectionsPerMinute, 0, Bucket.FirstPolicy);
  for (let policy = 0; policy < policyCount; policy++) {
    capacities[Bucket.FirstPolicy + policy] = policies[policy * POLICY_WORDS + PolicyField.ConnectionsPerMinute]!;
  }
  return capacities;
}

/** Two words that name each bucket, the same from one compiled policy to the next. */
export function bucketNames({ names }: CompiledPolicy): Int32Array {
  const words = new Int32Array((Bucket.FirstPolicy + names.policies.length) * 2);
  words[Bucket.NodeObserving * 2] = 1;
  names.policies.forEach(({ identity }, policy) => words.set(identityOf(identity), (Bucket.FirstPolicy + policy) * 2));
  return words;
}
