/** Our CRDs on a real API server, and what it says of an object. */
import { join } from "node:path";
import type { ApiServer } from "../../test/cluster/mod.ts";
import { API_VERSION, CLUSTER_KINDS, GROUP, isNamespaced, KIND_NAMES, type ClusterKind } from "../group.ts";

export const MANIFESTS = join(import.meta.dirname, "../manifests");

/** Applies them as the chart does; a warning is an error. Any number of tests may do it at the same time. */
export async function installCrds(server: ApiServer): Promise<void> {
  await server.kubectl(["apply", "--server-side", "--force-conflicts", "--warnings-as-errors", `--filename=${MANIFESTS}`]);
  const names = CLUSTER_KINDS.map((kind) => `crd/${KIND_NAMES[kind].plural}.${GROUP}`);
  await server.established(...names);
}

/** Where objects of a kind live. @param namespace ignored for a cluster-scoped kind. */
export function pathOf(kind: ClusterKind, namespace: string): string {
  return `/apis/${API_VERSION}/${isNamespaced(kind) ? `namespaces/${namespace}/` : ""}${KIND_NAMES[kind].plural}`;
}

export function objectOf(kind: ClusterKind, spec: unknown, name = "a"): { apiVersion: string; kind: ClusterKind; metadata: { name: string }; spec: unknown } {
  return { apiVersion: API_VERSION, kind, metadata: { name }, spec };
}

export interface Admission {
  /** With defaults filled in; absent where it was refused. */
  readonly spec?: any;
  /** Each cause as "path: words"; empty where it was taken. */
  readonly causes: string[];
}

/** What the API server would do with an object; nothing is kept. */
export async function admit(server: ApiServer, namespace: string, kind: ClusterKind, spec: unknown): Promise<Admission> {
  const { status, body } = await server.request("POST", `${pathOf(kind, namespace)}?dryRun=All&fieldValidation=Strict`, { body: objectOf(kind, spec) });
  if (status === 201) return { spec: body.spec, causes: [] };
  const causes = (body.details?.causes ?? []) as { field?: string; message: string }[];
  return { causes: causes.length === 0 ? [body.message] : causes.map(({ field, message }) => `${field}: ${message}`) };
}
