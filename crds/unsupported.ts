/**
 * Parts of the language that are validated and do nothing yet. A part that would narrow what is matched is never
 * left out silently, because what remains would match more: the whole rule (or reset) stands still instead.
 */
import { RESERVED_DETECTORS } from "./detectors.ts";
import type { FlowResetSpec } from "./flowReset.ts";
import type { PolicyRule } from "./policyRule.ts";
import type { Fault } from "./remark.ts";
import type { ResponsePolicySpec } from "./responsePolicy.ts";

const RESERVED_PEERS = ["podSelector", "namespaceSelector", "fqdns"] as const;

/** False where a rule uses a reserved part and so never fires. */
export function ruleRuns(rule: PolicyRule): boolean {
  return reservedParts(rule).length === 0;
}

/** False where a reset uses a reserved part and so is never run. */
export function resetRuns({ match }: FlowResetSpec): boolean {
  return match.sni === undefined;
}

function reservedParts(rule: PolicyRule): (readonly string[])[] {
  const parts: (readonly string[])[] = RESERVED_DETECTORS.filter((name) => rule[name] !== undefined).map((name) => [name]);
  for (const name of RESERVED_PEERS) if (rule.peers[name] !== undefined) parts.push(["peers", name]);
  if (rule.signature !== undefined && rule.signature.rules.length === 0) parts.push(["signature", "signatureSetRefs"]);
  return parts;
}

export function unsupportedOfPolicy(spec: ResponsePolicySpec): Fault[] {
  const faults: Fault[] = spec.rules.flatMap((rule, index) => {
    const faultsOfRule: Fault[] = reservedParts(rule).map((part) => ({
      path: ["spec", "rules", index, ...part],
      atKey: true,
      message: `Cannot use ${part.join(".")}, not supported yet, so that the rule never fires: current rule is ${rule.name}`,
    }));
    if (rule.signature !== undefined && rule.signature.rules.length > 0 && rule.signature.signatureSetRefs.length > 0) {
      const message = `Cannot use signatureSetRefs, not supported yet, so that only the rules beside it count: current rule is ${rule.name}`;
      faultsOfRule.push({ path: ["spec", "rules", index, "signature", "signatureSetRefs"], atKey: true, message });
    }
    return faultsOfRule;
  });
  const { packets } = spec.respond.evidence;
  if (packets > 0) faults.push({ path: ["spec", "respond", "evidence", "packets"], message: `Cannot keep evidence, not supported yet: current value is ${packets}` });
  return faults;
}

export function unsupportedOfReset(spec: FlowResetSpec): Fault[] {
  if (resetRuns(spec)) return [];
  return [{ path: ["spec", "match", "sni"], atKey: true, message: `Cannot match sni, not supported yet, so that nothing is reset: current value is ${JSON.stringify(spec.match.sni)}` }];
}
