/**
 * The connection must be the one that the finding is about, still there, and claimed by nobody else: a new connection
 * on an old tuple is innocent.
 */
import { Field, FlowFlag, FlowState } from "../../flow/mod.ts";
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function identity({ words, base, flags, generation }: Question): Reason | 0 {
  const state = words[base + Field.State]!;
  if (state === FlowState.Free || words[base + Field.Generation] !== generation) return Reason.NewConnection;
  if ((flags & FlowFlag.Contested) !== 0) return Reason.Contested;
  return state === FlowState.Closed ? Reason.AlreadyClosed : 0;
}
