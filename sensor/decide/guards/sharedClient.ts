/**
 * Who must not be held: behind a node, a gateway, a masquerade or load balancer's address stand many parties, and a
 * hold would refuse them all. The one connection is reset all the same.
 */
import { FlowFlag } from "../../flow/mod.ts";
import { has } from "../../detect/mod.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function sharedClient({ compiled, flags, row0, row1 }: Question): Reason | 0 {
  const { addresses, sharedClients } = compiled.guards;
  if (has(addresses, row0, sharedClients)) return Reason.SharedClient;
  return (flags & FlowFlag.Inferred) !== 0 && has(addresses, row1, sharedClients) ? Reason.SharedClient : 0;
}
