/** What is due, from the Secret that there is. Pure. */
import type { KubeObject } from "../../kube/mod.ts";

/** Of the Secret's data, and so the name of the file in a pod. */
export const MARK_KEY_FIELD = "key";

export type MarkKeySecret = KubeObject & { readonly type?: string; readonly immutable?: boolean; readonly data?: Readonly<Record<string, string>> };

/** Keep: whoever made it, sensors can read it. */
export type MarkKeyPlan = { readonly step: "Make" } | { readonly step: "Keep"; readonly uid: string } | { readonly step: "Refuse"; readonly fault: string };

const KEY = /^\s*[0-9a-f]{16}\s*$/i;

export function planMarkKey(found: MarkKeySecret | undefined): MarkKeyPlan {
  if (found === undefined) return { step: "Make" };
  const { metadata, data } = found;
  const text = Buffer.from(data?.[MARK_KEY_FIELD] ?? "", "base64").toString("latin1");
  if (KEY.test(text)) return { step: "Keep", uid: metadata.uid ?? "" };
  // Somebody's own, who must know: no word of what it holds.
  const fault = `Delete the Secret ${metadata.name}, and another is made; expected 16 hexadecimal digits in data.${MARK_KEY_FIELD}: current length is ${text.length}`;
  return { step: "Refuse", fault };
}

/** @param key 64 random bits */
export function markKeySecret(place: { readonly namespace: string; readonly name: string; readonly labels: Readonly<Record<string, string>> }, key: Uint8Array): MarkKeySecret {
  const { namespace, name, labels } = place;
  const text = Buffer.from(key).toString("hex");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace, name, labels: { ...labels } },
    type: "Opaque",
    immutable: true,
    data: { [MARK_KEY_FIELD]: Buffer.from(text).toString("base64") },
  };
}
