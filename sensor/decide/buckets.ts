/** The rate buckets of a compiled policy, and which of them were there before. */
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

/** A word that names each bucket, from one compiled policy to the next. */
export function bucketNames({ names }: CompiledPolicy): Int32Array {
  const words = new Int32Array(Bucket.FirstPolicy + names.policies.length);
  words[Bucket.NodeObserving] = 1;
  names.policies.forEach(({ identity }, policy) => {
    let word = 0x811c9dc5 | 0;
    for (let i = 0; i < identity.length; i++) word = Math.imul(word ^ identity.charCodeAt(i), 0x01000193);
    words[Bucket.FirstPolicy + policy] = word;
  });
  return words;
}

/** Old number of each bucket, -1 where it is new. */
export function previousBuckets(old: CompiledPolicy | undefined, { names }: CompiledPolicy): Int32Array {
  const previous = new Int32Array(Bucket.FirstPolicy + names.policies.length).fill(-1);
  if (old === undefined) return previous;
  const numbers = new Map(old.names.policies.map(({ identity }, policy) => [identity, policy]));
  previous[Bucket.Node] = Bucket.Node;
  previous[Bucket.NodeObserving] = Bucket.NodeObserving;
  names.policies.forEach(({ identity }, policy) => {
    const number = numbers.get(identity);
    if (number !== undefined) previous[Bucket.FirstPolicy + policy] = Bucket.FirstPolicy + number;
  });
  return previous;
}
