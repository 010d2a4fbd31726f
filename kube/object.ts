/** The part that every Kubernetes object has; the rest is the caller's to know. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface KubeMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** RFC 3339, whole seconds. */
  creationTimestamp?: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: KubeMetadata;
  spec?: unknown;
  status?: unknown;
}

/** `namespace/name`, or `name` for what has no namespace: the key of a Reflector's map. */
export function keyOf(object: { metadata: { namespace?: string; name: string } }): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

/** For a collection of several kinds: `KIND NAMESPACE/NAME`, or `KIND NAME`. */
export function kindedKeyOf(object: { kind: string; metadata: { namespace?: string; name: string } }): string {
  return `${object.kind} ${keyOf(object)}`;
}

/** The server's own book-keeping of field owners: half of a small object's size, and nobody's concern here. */
export function withoutManagedFields<T>(object: T): T {
  const metadata = (object as { metadata?: { managedFields?: unknown } | null } | null)?.metadata;
  if (metadata?.managedFields !== undefined) delete metadata.managedFields;
  return object;
}
