/**
 * What one namespace may ask of every node: what it asks beyond that is left out, with a note, and no other namespace
 * gets less for it. Cluster policies have no quota: whoever may write them owns the nodes.
 */
import type { Signature } from "../detect/mod.ts";
import { MAX_CONTENT_BYTES_PER_NAMESPACE, MAX_RULES_PER_NAMESPACE } from "./limits.ts";

export class NamespaceQuota {
  readonly #spent = new Map<string, { rules: number; contentBytes: number }>();

  /** Why the namespace may not have the rule; undefined where it is counted. "" is no namespace. */
  refuse(namespace: string, signatures: readonly Signature[]): string | undefined {
    if (namespace === "") return undefined;
    const spent = this.#spent.get(namespace) ?? { rules: 0, contentBytes: 0 };
    const contentBytes = spent.contentBytes + contentBytesOf(signatures);
    if (spent.rules + 1 > MAX_RULES_PER_NAMESPACE) return `Cannot take more than ${MAX_RULES_PER_NAMESPACE} rules of namespace ${namespace}`;
    if (contentBytes > MAX_CONTENT_BYTES_PER_NAMESPACE) {
      return `Cannot take more than ${MAX_CONTENT_BYTES_PER_NAMESPACE} bytes of contents of namespace ${namespace}: with this rule they are ${contentBytes}`;
    }
    this.#spent.set(namespace, { rules: spent.rules + 1, contentBytes });
    return undefined;
  }
}

function contentBytesOf(signatures: readonly Signature[]): number {
  return signatures.reduce((sum, { contents }) => sum + contents.reduce((bytes, content) => bytes + content.bytes.length, 0), 0);
}
