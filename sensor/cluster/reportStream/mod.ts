/**
 * What is quick goes to the operator by one kept HTTPS connection: results of FlowResets, observed versions, counters.
 *
 * **Invariant:** a result is kept until the operator says that it need not be, and never more than the limits; what is
 * dropped is counted. A dead, slow or lying operator costs memory within these limits, and a few requests a minute.
 *
 * Must not know: how a result came about, nor the API server.
 */
export { ReportOutbox } from "./outbox.ts";
export type { Incident, OutboxFacts, PolicyCounters } from "./outbox.ts";
export { ReportStream } from "./reportStream.ts";
export type { ReportStreamOptions } from "./reportStream.ts";
export { streamTarget } from "./target.ts";
export type { StreamTarget } from "./target.ts";
