/**
 * report: what the sensor did and saw, on its way out: event lines, counters, metrics, logs.
 *
 * **Invariant:** nothing here grows without a limit and nothing here can delay a reset. Workers write plain
 * numbers and byte records into shared memory and never wait; a slow reader or a full disk loses lines, which are
 * counted. Event lines are a pure function of what is given: a replay writes the same bytes twice.
 *
 * Must not know: how packets are read, matched or injected; names of reasons come in as tables.
 */
export { Counter, Counters, Families, Histograms, COUNTER_WORDS } from "./counters.ts";
export type { Family, HistogramLayout } from "./counters.ts";
export { MAX_SERIES, SeriesKind } from "./series.ts";
export type { Series } from "./series.ts";
export { LabelTable, MAX_LABELS, OTHER_LABEL } from "./labels.ts";
export { DEFAULT_RING_BYTES, MAX_RECORD_BYTES, RecordRing } from "./recordRing.ts";
export { createLog } from "./log.ts";
export type { Logger, LogLevel, LogSink } from "./log.ts";
export { alertEvent, MAX_EVENT_POLICIES, outcomeEvent, resetEvent } from "./event.ts";
export type {
  EventDecision,
  EventEndpoint,
  EventFlow,
  EventOutcome,
  EventReset,
  EventSignature,
  SeverityName,
} from "./event.ts";
export { flowId, TUPLE_WORDS } from "./flowId.ts";
export { formatTimestamp } from "./timestamp.ts";
export { DEFAULT_QUEUE_BYTES, openEventWriter } from "./writer.ts";
export type { EventWriter, WriterOptions } from "./writer.ts";
export { SyncEventWriter } from "./syncWriter.ts";
export { createMetrics } from "./metrics.ts";
export type { MetricNames, MetricSources, PolicyLoadState, QueueState } from "./metrics.ts";
export { MAX_CONNECTIONS, parseListen, startHttpServer } from "./httpServer.ts";
export type { HttpServer, HttpServerOptions } from "./httpServer.ts";
