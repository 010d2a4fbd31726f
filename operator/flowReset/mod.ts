/**
 * FlowResets: from an object to its proof. Sensors act by themselves; this room finds out whose answer decides, joins
 * what they report, and writes the life of the object: Pending, Active, then Succeeded, Failed or Expired.
 *
 * **Invariant:** a connection is counted once however many nodes saw it; nothing is called complete before every fresh
 * sensor that could have seen it has looked, or the message says who did not; a result is acknowledged to its sensor
 * only when it is written, so that the death of a leader loses none.
 *
 * It must not know how a report arrives, nor what a policy is.
 */
export { FlowResetController, type FlowResetControllerOptions } from "./controller.ts";
export { flowResetFacts, isFinished, type FlowResetFacts } from "./facts.ts";
