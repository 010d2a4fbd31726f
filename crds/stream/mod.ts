/**
 * The report stream's language: what sensors post to the operator, and what it answers. Both ends read it here.
 *
 * **Invariant:** everything in it is bounded; a field that one end does not know yet is dropped, not refused; no
 * value, however broken, makes a reader throw. Counters are cumulative, so that a repeated post changes nothing.
 *
 * It must not know HTTP, nor who posts.
 */
export * from "./limits.ts";
export { reply, type Reply } from "./reply.ts";
export { report, type CounterReport, type FailureReport, type IncidentReport, type Report, type ResetReport, type SensorHealth } from "./report.ts";
export { readReply, readReport, readResets, type Reading } from "./read.ts";
export type { FlowResult } from "../sensorReport.ts";
