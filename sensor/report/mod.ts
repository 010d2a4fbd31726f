/**
 * report: what the sensor did and saw, on its way out: event lines, counters, metrics, logs.
 *
 * **Invariant:** nothing here grows without a limit and nothing here can delay a reset. Workers write plain
 * numbers and byte records into shared memory and never wait; a slow reader or a full disk loses lines, which are
 * counted. Event lines are a pure function of what is given: a replay writes the same bytes twice.
 *
 * Must not know: how packets are read, matched or injected; names of reasons come in as tables.
 */
export { Counter, Counters, Families, Histograms } from "./counters.ts";
export type { Family, HistogramLayout } from "./counters.ts";
export { SeriesKind } from "./series.ts";
export type { Series } from "./series.ts";
export { LabelTable } from "./labels.ts";
export { RecordRing } from "./recordRing.ts";
export { createLog } from "./log.ts";
export type { Logger, LogLevel, LogSink } from "./log.ts";
export { alertEvent, outcomeEvent, resetEvent } from "./event.ts";
export type {
  EventDecision,
  EventEndpoint,
  EventFlow,
  EventOutcome,
  EventReset,
  EventSignature,
  SeverityName,
} from "./event.ts";
export { flowId } from "./flowId.ts";
export { openEventWriter } from "./writer.ts";
export type { EventWriter, WriterOptions } from "./writer.ts";
export { SyncEventWriter } from "./syncWriter.ts";
export { createMetrics } from "./metrics.ts";
export { registerPulled } from "./pulledMetric.ts";
export type { Sample } from "./pulledMetric.ts";
export type { MetricNames, MetricSources, PolicyLoadState, QueueState } from "./metrics.ts";
export { isLoopback, parseListen, startHttpServer } from "./httpServer.ts";
export type { HttpServer, HttpServerOptions } from "./httpServer.ts";
