/** The name of an object in events, metrics and tables: `namespace/name`, or `name` where it has no namespace. */
export function fullName({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}
