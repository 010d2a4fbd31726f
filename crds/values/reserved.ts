/**
 * Parts of the language that are validated and do nothing yet. A part that would narrow what is matched is never
 * left out silently, because what remains would match more: the whole rule (or reset) stands still instead.
 */
import type { FlowResetSpec } from "../flowReset.ts";
import type { PolicyRule } from "../policyRule.ts";

/** Names of the detectors that are validated loosely and do not run yet. */
export const RESERVED_DETECTORS = [
  "indicators",
  "dataLoss",
  "exfiltration",
  "beacon",
  "scan",
  "bruteForce",
  "anomaly",
  "restrictedZone",
] as const;

const RESERVED_PEERS = ["podSelector", "namespaceSelector", "fqdns"] as const;

/** False where a rule uses a reserved part and so never fires. */
export function ruleRuns(rule: PolicyRule): boolean {
  return reservedParts(rule).length === 0;
}

/** False where a reset uses a reserved part and so is never run. */
export function resetRuns({ match }: FlowResetSpec): boolean {
  return match.sni === undefined;
}

/** Paths below the rule. */
export function reservedParts(rule: PolicyRule): (readonly string[])[] {
  const parts: (readonly string[])[] = RESERVED_DETECTORS.filter((name) => rule[name] !== undefined).map((name) => [name]);
  for (const name of RESERVED_PEERS) if (rule.peers[name] !== undefined) parts.push(["peers", name]);
  if (rule.signature !== undefined && rule.signature.rules.length === 0) parts.push(["signature", "signatureSetRefs"]);
  return parts;
}
