/**
 * What one namespace may ask of every node: what it asks beyond that is left out, with a note, and no other namespace
 * gets less for it. Cluster policies have no quota: whoever may write them owns the nodes.
 */
import { keyOf, type RangeSet, type Signature } from "../detect/mod.ts";
import { MAX_ADDRESS_RANGES_PER_NAMESPACE, MAX_ADDRESS_SETS_PER_NAMESPACE, MAX_CONTENT_BYTES_PER_NAMESPACE, MAX_RULES_PER_NAMESPACE } from "./limits.ts";

class Spent {
  rules = 0;
  contentBytes = 0;
  ranges = 0;
  readonly sets = new Set<string>();
}

export class NamespaceQuota {
  readonly #spent = new Map<string, Spent>();

  /** Why the namespace may not have the rule; undefined where it is counted. "" is no namespace. */
  refuse(namespace: string, signatures: readonly Signature[], addresses: readonly RangeSet[]): string | undefined {
    if (namespace === "") return undefined;
    const spent = this.#of(namespace);
    const contentBytes = spent.contentBytes + contentBytesOf(signatures);
    if (spent.rules + 1 > MAX_RULES_PER_NAMESPACE) return `Cannot take more than ${MAX_RULES_PER_NAMESPACE} rules of namespace ${namespace}`;
    if (contentBytes > MAX_CONTENT_BYTES_PER_NAMESPACE) {
      return `Cannot take more than ${MAX_CONTENT_BYTES_PER_NAMESPACE} bytes of contents of namespace ${namespace}: with this rule they are ${contentBytes}`;
    }
    const refused = takeAddresses(namespace, spent, [...addresses, ...signatures.flatMap(({ source, destination }) => [source, destination])]);
    if (refused !== undefined) return refused;
    spent.rules++;
    spent.contentBytes = contentBytes;
    return undefined;
  }

  /** Why the namespace may not have a policy with these exemptions; undefined where they are counted. */
  refuseExempt(namespace: string, exempt: RangeSet): string | undefined {
    return namespace === "" || exempt.length === 0 ? undefined : takeAddresses(namespace, this.#of(namespace), [exempt]);
  }

  #of(namespace: string): Spent {
    const spent = this.#spent.get(namespace) ?? new Spent();
    this.#spent.set(namespace, spent);
    return spent;
  }
}

/** Equal sets are one, as in the tables. */
function takeAddresses(namespace: string, spent: Spent, sets: readonly RangeSet[]): string | undefined {
  const fresh = new Map(sets.map((set): [string, number] => [keyOf(set), set.length]).filter(([key]) => !spent.sets.has(key)));
  const count = spent.sets.size + fresh.size;
  const ranges = [...fresh.values()].reduce((sum, length) => sum + length, spent.ranges);
  if (count > MAX_ADDRESS_SETS_PER_NAMESPACE) return `Cannot take more than ${MAX_ADDRESS_SETS_PER_NAMESPACE} sets of addresses of namespace ${namespace}: with this one they are ${count}`;
  if (ranges > MAX_ADDRESS_RANGES_PER_NAMESPACE) return `Cannot take more than ${MAX_ADDRESS_RANGES_PER_NAMESPACE} ranges of addresses of namespace ${namespace}: with these they are ${ranges}`;
  for (const key of fresh.keys()) spent.sets.add(key);
  spent.ranges = ranges;
  return undefined;
}

function contentBytesOf(signatures: readonly Signature[]): number {
  return signatures.reduce((sum, { contents }) => sum + contents.reduce((bytes, content) => bytes + content.bytes.length, 0), 0);
}
