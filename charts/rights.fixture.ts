/** Which rights the chart's roles give an account, and which of them its calls use. */
import type { AuditedCall } from "../test/cluster/mod.ts";
import type { KubernetesObject } from "./helm.fixture.ts";

export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Absent: any. */
  readonly name?: string;
  /** Absent: of the whole cluster. */
  readonly namespace?: string;
}

interface Rule {
  readonly apiGroups?: string[];
  readonly resources?: string[];
  readonly resourceNames?: string[];
  readonly verbs: string[];
}

/** One right a verb, resource and name of every role that is bound to the account. */
export function rightsOf(objects: readonly KubernetesObject[], account: string): Right[] {
  const rights: Right[] = [];
  for (const binding of objects.filter(({ kind }) => kind === "ClusterRoleBinding" || kind === "RoleBinding")) {
    if (!binding["subjects"].some(({ kind, name }: { kind: string; name: string }) => kind === "ServiceAccount" && name === account)) continue;
    const { kind, name } = binding["roleRef"];
    const role = objects.find((object) => object.kind === kind && object.metadata.name === name)!;
    const { namespace } = binding.metadata;
    for (const { apiGroups = [], resources = [], resourceNames = [undefined], verbs } of role["rules"] as Rule[]) {
      for (const group of apiGroups) for (const resource of resources) for (const named of resourceNames) for (const verb of verbs) {
        rights.push({ verb, group, resource, ...(named === undefined ? {} : { name: named }), ...(namespace === undefined ? {} : { namespace }) });
      }
    }
  }
  return rights;
}

/** `patch flowresets.flowreset.io/status`, `get secrets:a in b`. */
export function words({ verb, group, resource, name, namespace }: Right): string {
  const [plural, subresource] = resource.split("/");
  const what = `${plural}${group === "" ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`;
  return `${verb} ${what}${name === undefined || name === "" ? "" : `:${name}`}${namespace === undefined || namespace === "" ? "" : ` in ${namespace}`}`;
}

/** The rights that a call was asked for: an apply that makes an object needs the one to create it too. */
function neededBy({ verb, group, resource, name, namespace, status }: AuditedCall): Right[] {
  const right = { verb, group, resource, name, namespace };
  return verb === "patch" && status === 201 ? [right, { ...right, verb: "create" }] : [right];
}

const covers = (right: Right, needed: Right) =>
  right.verb === needed.verb &&
  right.group === needed.group &&
  right.resource === needed.resource &&
  (right.name === undefined || right.name === needed.name) &&
  (right.namespace === undefined || right.namespace === needed.namespace);

/** Rights that no call needed. */
export function unusedRights(rights: readonly Right[], calls: readonly AuditedCall[]): string[] {
  const needed = calls.flatMap(neededBy);
  return rights.filter((right) => !needed.some((each) => covers(right, each))).map(words);
}

/** What was asked for and refused. */
export function refusedCalls(calls: readonly AuditedCall[]): string[] {
  return [...new Set(calls.filter(({ status }) => status === 403).map(words))];
}
