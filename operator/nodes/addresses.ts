/** From an address to the node that has it. */
import type { NodeFacts } from "./facts.ts";

export class NodeAddresses {
  /** By address: more than one while a Node that is gone is still listed beside the one that took its address over. */
  readonly #nodes = new Map<string, Set<string>>();

  put(node: NodeFacts): void {
    for (const address of node.addresses) this.#nodes.set(address, (this.#nodes.get(address) ?? new Set()).add(node.metadata.name));
  }

  remove(node: NodeFacts): void {
    for (const address of node.addresses) {
      const names = this.#nodes.get(address);
      if (names?.delete(node.metadata.name) === true && names.size === 0) this.#nodes.delete(address);
    }
  }

  /** @param address as `addressText` writes it */
  nodesOf(address: string): readonly string[] {
    return [...(this.#nodes.get(address) ?? [])];
  }
}
