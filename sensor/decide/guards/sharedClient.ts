/**
 * Who must not be held: behind a node, a gateway, a masquerade or load balancer's address stand many parties, and a
 * hold would refuse them all. The one connection is reset all the same.
 */
import { has } from "../../detect/mod.ts";
import { Field, FLOW_WORDS, FlowFlag } from "../../flow/mod.ts";
import type { Question } from "../question.ts";

/** Of the question's flow, or its twin: what is one client under the one tuple may be many under the other. */
export function isSharedClient({ compiled, words, slot: own, row0, row1, twinRow0, twinRow1 }: Question, slot: number): boolean {
  const { addresses, sharedClients } = compiled.guards;
  if (has(addresses, slot === own ? row0 : twinRow0, sharedClients)) return true;
  const isInferred = (words[slot * FLOW_WORDS + Field.Flags]! & FlowFlag.Inferred) !== 0;
  return isInferred && has(addresses, slot === own ? row1 : twinRow1, sharedClients);
}
