/** Whether a policy's Enforce counts, and who holds it back. */
import { selects, type Labels, type LabelSelector, type ResponsePolicySpec } from "../../crds/mod.ts";
import type { ConditionWords } from "../condition/mod.ts";

export interface FleetRules {
  readonly name: string;
  readonly enforcement: "Enabled" | "ObserveOnly";
  readonly enforceNamespaces?: LabelSelector | undefined;
  /** Not where it overlaps another one, or selects no node: what it says holds for nobody. */
  readonly hasSensors: boolean;
}

export interface EnforcingInput {
  readonly mode: ResponsePolicySpec["mode"];
  /** Labels of the policy's namespace; undefined for a cluster's policy. */
  readonly namespaceLabels: Labels | undefined;
  readonly fleets: readonly FleetRules[];
  /** Selected sensors that somebody stopped by hand, on the node. */
  readonly stopped: number;
}

export function enforcingOf({ mode, namespaceLabels, fleets, stopped }: EnforcingInput): Omit<ConditionWords, "type"> {
  if (mode === "Observe") return { status: "False", reason: "Observe", message: "spec.mode is Observe: what would be reset is counted" };
  const withSensors = fleets.filter(({ hasSensors }) => hasSensors);
  const asked = withSensors.length === 0 ? fleets : withSensors;
  const held = asked.flatMap((fleet) => {
    if (fleet.enforcement === "ObserveOnly") return [{ fleet: fleet.name, reason: "ObserveOnly", message: `SensorFleet ${fleet.name} is ObserveOnly` }];
    const { enforceNamespaces } = fleet;
    if (enforceNamespaces === undefined || namespaceLabels === undefined || selects(enforceNamespaces, namespaceLabels)) return [];
    return [{ fleet: fleet.name, reason: "NamespaceNotEnforced", message: `enforceNamespaces of SensorFleet ${fleet.name} does not select its namespace` }];
  });
  const messages = [...held.map(({ message }) => message), ...(stopped > 0 ? [`${stopped} sensors were stopped by hand`] : [])];
  const isHeldEverywhere = held.length > 0 && held.length === asked.length;
  if (isHeldEverywhere) return { status: "False", reason: held[0]!.reason, message: messages.join("; ") };
  return messages.length === 0 ? { status: "True", reason: "Enforce", message: "" } : { status: "True", reason: "PartlyHeldBack", message: messages.join("; ") };
}
