/** What an object is told of the parts in it that do nothing yet (`values/reserved.ts`). */
import type { FlowResetSpec } from "./flowReset.ts";
import type { Fault } from "./remark.ts";
import type { ResponsePolicySpec } from "./responsePolicy.ts";
import type { SensorFleetSpec } from "./sensorFleet.ts";
import { reservedParts, resetRuns } from "./values/mod.ts";

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

export function unsupportedOfFleet({ capture }: SensorFleetSpec): Fault[] {
  const { mode, backend } = capture;
  const faults: Fault[] = [];
  if (mode !== "HostInterfaces") faults.push({ path: ["spec", "capture", "mode"], message: `Cannot capture in this mode, not supported yet, so that HostInterfaces is used: current value is ${mode}` });
  if (backend !== "Ring") faults.push({ path: ["spec", "capture", "backend"], message: `Cannot capture by this backend, its library is not in the image, so that Ring is used: current value is ${backend}` });
  return faults;
}
