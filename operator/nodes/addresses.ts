/** From an address to the node that has it. */
import type { NodeFacts } from "./facts.ts";

export class NodeAddresses {
  readonly #nodes = new Map<string, string>();

  put(node: NodeFacts): void {
    for (const address of node.addresses) this.#nodes.set(address, node.metadata.name);
  }

  remove(node: NodeFacts): void {
    for (const address of node.addresses) if (this.#nodes.get(address) === node.metadata.name) this.#nodes.delete(address);
  }

  nodeOf(address: string): string | undefined {
    return this.#nodes.get(address);
  }
}
