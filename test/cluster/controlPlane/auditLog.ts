/**
 * What was asked of the API server by service accounts, so that a test can compare it with what their roles allow.
 * Those of kube-system, Kubernetes' own controllers, are left out, and so are people and nodes.
 */
import { existsSync, readFileSync } from "node:fs";
import { stringify } from "yaml";

export const AUDIT_POLICY = stringify({
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { level: "None", userGroups: ["system:serviceaccounts:kube-system"] },
    { level: "Metadata", userGroups: ["system:serviceaccounts"] },
    { level: "None" },
  ],
});

export interface AuditedCall {
  /** As roles name it: get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string;
  /** "" for the core group. */
  readonly group: string;
  /** With its subresource, as roles name it: "pods/status". Empty where a path was asked for that is no resource. */
  readonly resource: string;
  readonly path: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the answer: 403 where no role allows it. */
  readonly status: number;
}

interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly requestURI: string;
  readonly objectRef?: { readonly apiGroup?: string; readonly resource?: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
}

/** The calls of one user in their order; a watch counts from its start. */
export function readAuditLog(path: string, user: string): AuditedCall[] {
  if (!existsSync(path)) return [];
  const events = new Map<string, AuditEvent>();
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (!line.endsWith("}")) continue; // Empty, or just being written.
    const event = JSON.parse(line) as AuditEvent;
    if (event.user.username === user) events.set(event.auditID, event);
  }
  return [...events.values()].map(({ verb, requestURI, objectRef: object = {}, responseStatus }) => ({
    verb,
    group: object.apiGroup ?? "",
    resource: [object.resource, object.subresource].filter((part) => part !== undefined).join("/"),
    path: requestURI.split("?")[0]!,
    namespace: object.namespace ?? "",
    name: object.name ?? "",
    status: responseStatus?.code ?? 0,
  }));
}
