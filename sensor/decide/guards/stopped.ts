/** Nothing is injected on this node, for nobody: the emergency stop, or no node at all. */
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";
import { Stop } from "../stop.ts";

export function stopped(question: Question): Reason | 0 {
  if (question.stopped === Stop.No) return 0;
  return question.stopped === Stop.Replay ? Reason.Replay : Reason.EmergencyStop;
}
