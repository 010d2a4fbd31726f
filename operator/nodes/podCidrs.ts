/** Where the pods of covered nodes are, in few enough words for every sensor. */
import ipaddr from "ipaddr.js";
import { addressText } from "../../kube/mod.ts";
import type { NodeFacts } from "./facts.ts";

/** A node each of the largest cluster; beyond it sensors go without, and the second actor does not wait. */
const MAX_CIDRS = 5_000;

type Range = ReturnType<typeof ipaddr.parseCIDR>;

/** Sorted, without doubles, two halves of a range put together. */
export function podCidrsOf(nodes: Iterable<NodeFacts>): string[] {
  const texts = new Set<string>();
  for (const { podCidrs, uncoverable } of nodes) {
    if (uncoverable === undefined) for (const cidr of podCidrs) if (ipaddr.isValidCIDR(cidr)) texts.add(cidr);
  }
  const merged = merge([...texts].map((text) => ipaddr.parseCIDR(text)));
  return merged.length > MAX_CIDRS ? [] : merged.toSorted();
}

/** From the longest prefix to the shortest, so that what was put together can be put together once more. */
function merge(ranges: readonly Range[]): string[] {
  const byPrefix = new Map<number, Map<string, Range>>();
  const put = ([address, prefix]: Range) => {
    const level = byPrefix.get(prefix) ?? new Map<string, Range>();
    level.set(address.toByteArray().join("."), [address, prefix]);
    byPrefix.set(prefix, level);
  };
  for (const range of ranges) put(range);
  for (let prefix = 128; prefix > 0; prefix--) {
    const level = byPrefix.get(prefix);
    if (level === undefined) continue;
    for (const [key, range] of level) {
      const sibling = siblingKey(range);
      if (!level.has(sibling) || !level.has(key)) continue;
      const lower = key < sibling ? range : level.get(sibling)!;
      level.delete(key);
      level.delete(sibling);
      put([parentAddress(lower), prefix - 1]);
    }
  }
  return [...byPrefix.values()].flatMap((level) => [...level.values()].map(([address, prefix]) => `${addressText(address.toString())}/${prefix}`));
}

function siblingKey([address, prefix]: Range): string {
  const bytes = address.toByteArray();
  bytes[(prefix - 1) >> 3]! ^= 0x80 >> ((prefix - 1) & 7);
  return bytes.join(".");
}

function parentAddress([address, prefix]: Range): Range[0] {
  const bytes = address.toByteArray();
  bytes[(prefix - 1) >> 3]! &= ~(0x80 >> ((prefix - 1) & 7));
  return ipaddr.fromByteArray(bytes);
}
