/** Whose an address is, for words and Events: what was cut is decided elsewhere, by the interface. */
import { parseAddress } from "../crds/mod.ts";
import { formatAddress } from "./decode/mod.ts";
import type { PodIdentity } from "./decide/mod.ts";

/** Of two pods with one address it is the one that has an interface: the other one's is gone, or was never known. */
export function podsByAddress(pods: readonly PodIdentity[]): Map<string, PodIdentity> {
  const found = new Map<string, PodIdentity>();
  for (const pod of pods) {
    for (const address of pod.addresses) if (pod.interfaceIndex !== 0 || !found.has(address)) found.set(address, pod);
  }
  return found;
}

/** As packets and pods have an address: a person may write one of IPv6 in several ways. */
export function spelled(address: string): string {
  const words = parseAddress(address)?.words;
  return words === undefined ? address : formatAddress(...words);
}
