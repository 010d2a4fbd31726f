/** Everything that leaves the sensor but packets: log, events, metrics. */
import type { ClusterSession } from "./clusterSession.ts";
import { DECODE_REASON_COUNT, decodeReasonName } from "./decode/mod.ts";
import { verdictName } from "./decide/mod.ts";
import { flowEvictionName, flowRefusalName, flowWorthName } from "./flow/mod.ts";
import { outcomeName, outcomeReasonName } from "./inject/mod.ts";
import { killTargetName } from "./killTarget.ts";
import { SensorError } from "./options.ts";
import type { SensorOptions } from "./options.ts";
import type { PacketWorkers } from "./packetWorkers.ts";
import type { PolicyKeeper } from "./policyKeeper.ts";
import type { PolicyReport } from "./policyReport.ts";
import { verdictReasonName } from "./reasonNumbers.ts";
import { Counter, createLog, createMetrics, openEventWriter, startHttpServer } from "./report/mod.ts";
import type { EventWriter, HttpServer, Logger, MetricNames } from "./report/mod.ts";
import { version } from "./version.ts";

/** A Worker that has not turned for so long is not well: it turns twice a second with nothing to do. */
const HEARTBEAT_LIMIT_MS = 5_000;

export interface Output {
  readonly log: Logger;
  readonly events: EventWriter;
  serve(parts: ServedParts): Promise<HttpServer | undefined>;
}

interface ServedParts {
  readonly options: SensorOptions;
  readonly workers: PacketWorkers;
  readonly keeper: PolicyKeeper;
  readonly policyReport: PolicyReport;
  /** Why nobody can rely on the sensor; undefined where all is well. */
  readonly trouble: () => string | undefined;
  readonly cluster: ClusterSession | undefined;
}

const METRIC_NAMES: MetricNames = {
  decodeReason: (reason) => (reason < DECODE_REASON_COUNT ? decodeReasonName(reason) : "other"),
  flowRefusal: flowRefusalName,
  flowEviction: flowEvictionName,
  flowWorth: flowWorthName,
  verdict: verdictName,
  verdictReason: verdictReasonName,
  target: killTargetName,
  outcome: outcomeName,
  outcomeReason: outcomeReasonName,
};

export function openOutput(options: SensorOptions): Output {
  const log = createLog(options.logLevel, process.stderr.isTTY === true);
  const events = openEvents(options.events, log);
  return { log, events, serve: (parts) => serve(parts, events) };
}

function openEvents(path: string, log: Logger): EventWriter {
  try {
    return openEventWriter(path, {
      onFault: (error) => (error === undefined ? log.info("events are written again") : log.error({ err: error }, "events cannot be written, they are counted as dropped")),
    });
  } catch (error) {
    throw new SensorError("BadInput", (error as Error).message, "name another file with --events, - for standard output, or none");
  }
}

async function serve({ options, workers, keeper, policyReport, trouble, cluster }: ServedParts, events: EventWriter): Promise<HttpServer | undefined> {
  if (options.listen === undefined) return undefined;
  const metrics = createMetrics({
    version: version(),
    counters: workers.counters,
    labels: keeper.labels,
    names: METRIC_NAMES,
    policies: () => policyReport.state,
    events: () => events,
    records: () => workers.recordUse(),
    wouldVerdicts: ["WouldReset", "WouldRefuse"],
    suppressVerdicts: ["Suppress"],
  });
  cluster?.register(metrics);
  return startHttpServer({
    listen: options.listen,
    metrics,
    health: () => staleWorker(workers),
    readiness: trouble,
  });
}

/** A packet Worker that does not turn, in words. */
export function staleWorker(workers: PacketWorkers): string | undefined {
  const now = Date.now();
  const stale = workers.counters.findIndex(({ values }) => now - values[Counter.HeartbeatMs]! > HEARTBEAT_LIMIT_MS);
  return stale < 0 ? undefined : `packet Worker ${stale} has not turned for ${HEARTBEAT_LIMIT_MS} ms`;
}
