/** Nothing is injected on this node, for nobody: the emergency stop, or no node at all. */
import type { Question } from "../question.ts";
import { Reason } from "../reason.ts";
import { Stop } from "../stop.ts";

export function stopped(question: Question): Reason | 0 {
  const { stopped: causes } = question;
  if (causes === Stop.No) return 0;
  if ((causes & Stop.Emergency) !== 0) return Reason.EmergencyStop;
  if ((causes & Stop.Replay) !== 0) return Reason.Replay;
  return (causes & Stop.ObserveOnlyFleet) !== 0 ? Reason.ObserveOnlyFleet : Reason.PolicyTooOld;
}
