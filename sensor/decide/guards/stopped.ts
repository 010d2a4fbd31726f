/** The emergency stop: nothing is injected on this node, for nobody. */
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";

export function stopped(question: Question): Reason | 0 {
  return question.stopped !== 0 ? Reason.EmergencyStop : 0;
}
