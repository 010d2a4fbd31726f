/**
 * The signature language: text to a Signature, or to a Fault with its column.
 *
 * **Invariant:** no text makes it throw, and no signature leaves this room of which a part was not understood.
 *
 * It must not know flows, automata or policies.
 */
export { Fault } from "./fault.ts";
export { parseSignature } from "./parse.ts";
export type { Content, FlowRequirement, Signature } from "./signature.ts";
