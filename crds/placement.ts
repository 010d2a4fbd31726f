/** What an object may say where it stands: in a file of a standalone sensor there are no pods; in a namespace no nodes. */
import type { Kind } from "./group.ts";
import { isNamespaced } from "./group.ts";
import type { FlowResetSpec } from "./flowReset.ts";
import type { Metadata } from "./metadata.ts";
import type { Fault } from "./remark.ts";
import type { ResponsePolicySpec } from "./responsePolicy.ts";
import type { Rule } from "./rule.ts";
import type { Subject } from "./subject.ts";

export function misplaced(kind: Kind, metadata: Metadata, spec: unknown, standalone: boolean): Fault[] {
  const faults: Fault[] = [];
  if (!isNamespaced(kind) && metadata.namespace !== undefined) {
    faults.push(refuseField(["metadata", "namespace"], `Cannot put a ${kind} into a namespace, expected no namespace`));
  }
  if (kind === "SensorSettings" && !standalone) {
    faults.push({ path: ["kind"], message: "Cannot use SensorSettings in a cluster, expected a SensorFleet: current kind is SensorSettings" });
  }
  if ((kind === "SensorFleet" || kind === "SensorNode") && standalone) {
    const expected = kind === "SensorFleet" ? "SensorSettings" : "nothing in its place: a sensor in a cluster writes it";
    faults.push({ path: ["kind"], message: `Cannot use a ${kind} without a cluster, expected ${expected}: current kind is ${kind}` });
  }
  if (kind === "ResponsePolicy" || kind === "ClusterResponsePolicy") {
    const policy = spec as ResponsePolicySpec;
    faults.push(...(standalone ? podsOfPolicy(policy) : []), ...(!standalone && kind === "ResponsePolicy" ? nodesOfTenant(policy) : []));
  }
  if ((kind === "FlowReset" || kind === "ClusterFlowReset") && standalone) faults.push(...podsOfReset(spec as FlowResetSpec));
  return faults;
}

function podsOfPolicy({ subject, rules }: ResponsePolicySpec): Fault[] {
  const faults: Fault[] = [];
  for (const name of ["podSelector", "serviceAccounts", "namespaceSelector", "nodeSelector"] as const) {
    if (subject[name] !== undefined) {
      faults.push(refuseField(["spec", "subject", name], "Cannot select pods, namespaces or nodes in a file (there are none here), expected cidrs or interfaces"));
    }
  }
  if (subject.nodeTraffic === true) {
    faults.push(refuseField(["spec", "subject", "nodeTraffic"], "Cannot tell a node's traffic apart in a file, expected cidrs with this machine's own addresses"));
  }
  rules.forEach(({ peers }, index) => {
    for (const name of ["podSelector", "namespaceSelector"] as const) {
      if (peers[name] !== undefined) {
        faults.push(refuseField(["spec", "rules", index, "peers", name], "Cannot select pods or namespaces in a file (there are none here), expected cidrs or scope"));
      }
    }
  });
  return faults;
}

function podsOfReset({ match }: FlowResetSpec): Fault[] {
  return (["client", "server"] as const)
    .filter((side) => match[side]?.podSelector !== undefined)
    .map((side) => refuseField(["spec", "match", side, "podSelector"], "Cannot select pods in a file (there are none here), expected ip or cidr"));
}

/** A subject's field that reaches beyond a namespace, and how a namespaced policy that uses it is refused. */
function tenantRule(field: "namespaceSelector" | "nodeSelector" | "nodeTraffic" | "interfaces", action: string, obeyed: string, isUsed: (subject: Subject) => boolean): Rule<ResponsePolicySpec> {
  return {
    message: `Cannot ${action}, expected a ClusterResponsePolicy`,
    cel: obeyed,
    fieldPath: `.subject.${field}`,
    broken: ({ subject }) => (isUsed(subject) ? [{ path: ["subject", field], current: `field is ${field}` }] : []),
  };
}

/** What a ResponsePolicy in a cluster may not say: it stays within its own namespace. */
export const TENANT_RULES: readonly Rule<ResponsePolicySpec>[] = [
  tenantRule("namespaceSelector", "reach beyond the policy's own namespace", "!has(self.subject.namespaceSelector)", (subject) => subject.namespaceSelector !== undefined),
  tenantRule("nodeSelector", "reach beyond the policy's own namespace", "!has(self.subject.nodeSelector)", (subject) => subject.nodeSelector !== undefined),
  tenantRule("nodeTraffic", "reach a node's traffic from a namespace", "!has(self.subject.nodeTraffic) || !self.subject.nodeTraffic", (subject) => subject.nodeTraffic === true),
  tenantRule("interfaces", "choose a node's interfaces from a namespace", "self.subject.interfaces.size() == 0", (subject) => subject.interfaces.length > 0),
];

function nodesOfTenant(spec: ResponsePolicySpec): Fault[] {
  return TENANT_RULES.flatMap(({ message, broken }) => (broken?.(spec) ?? []).map(({ path, current }) => ({ path: ["spec", ...(path ?? [])], atKey: true, message: `${message}: current ${current}` })));
}

function refuseField(path: PropertyKey[], message: string): Fault {
  return { path, atKey: true, message: `${message}: current field is ${String(path.at(-1))}` };
}
