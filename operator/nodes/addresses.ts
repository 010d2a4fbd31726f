/** From an address to the node that has it. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { NodeFacts } from "./facts.ts";

export class NodeAddresses {
  readonly #nodes = new Map<string, string>();

  put(node: NodeFacts): void {
    for (const address of node.addresses) this.#nodes.set(address, node.metadata.name);
  }

  remove(node: NodeFacts): void {
    for (const address of node.addresses) if (this.#nodes.get(address) === node.metadata.name) this.#nodes.delete(address);
  }

  /** @param address as `textOf` writes it */
  nodeOf(address: string): string | undefined {
    return this.#nodes.get(address);
  }
}

/** An address in the one spelling that others are compared with; undefined for a name. */
export function normalAddress(text: string): string | undefined {
  return isIP(text) === 0 ? undefined : textOf(ipaddr.parse(text));
}

/** RFC 5952 for IPv6. */
export function textOf(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}
