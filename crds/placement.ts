/** What an object may say where it stands: in a file of a standalone sensor there are no pods; in a namespace no nodes. */
import type { Kind } from "./group.ts";
import { isNamespaced } from "./group.ts";
import type { FlowResetSpec } from "./flowReset.ts";
import type { Metadata } from "./metadata.ts";
import type { Fault } from "./remark.ts";
import type { ResponsePolicySpec } from "./responsePolicy.ts";

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
  for (const name of ["podSelector", "namespaceSelector", "nodeSelector"] as const) {
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

function nodesOfTenant({ subject }: ResponsePolicySpec): Fault[] {
  const faults: Fault[] = [];
  for (const name of ["namespaceSelector", "nodeSelector"] as const) {
    if (subject[name] !== undefined) faults.push(refuseField(["spec", "subject", name], "Cannot reach beyond the policy's own namespace, expected a ClusterResponsePolicy"));
  }
  if (subject.nodeTraffic === true) faults.push(refuseField(["spec", "subject", "nodeTraffic"], "Cannot reach a node's traffic from a namespace, expected a ClusterResponsePolicy"));
  if (subject.interfaces.length > 0) faults.push(refuseField(["spec", "subject", "interfaces"], "Cannot choose a node's interfaces from a namespace, expected a ClusterResponsePolicy"));
  return faults;
}

function refuseField(path: PropertyKey[], message: string): Fault {
  return { path, atKey: true, message: `${message}: current field is ${String(path.at(-1))}` };
}
