/** Names an object among all: two that share it are one object written twice. One SensorSettings is all there is. */
export function identityOf({ kind, namespace, name }: { readonly kind: string; readonly namespace: string; readonly name: string }): string {
  return kind === "SensorSettings" ? kind : `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`;
}
