/** What the operator can be asked by Prometheus: every number is read at the moment of the scrape. */
import type { KubeClient } from "../kube/mod.ts";
import type { Leading } from "./leading.ts";
import type { Authenticator, ReportServer } from "./stream/mod.ts";
import type { Measurement } from "./telemetry/mod.ts";

export interface MeasuredParts {
  readonly version: string;
  readonly client: KubeClient;
  readonly authenticator: Authenticator;
  reports(): ReportServer | undefined;
  /** Undefined in a replica that does not lead. */
  leading(): Leading | undefined;
}

type Samples = ReturnType<Measurement["collect"]>;

export function measurementsOf({ version, client, authenticator, reports, leading }: MeasuredParts): Measurement[] {
  const { counters } = client;
  const gauge = (name: string, help: string, collect: () => Samples): Measurement => ({ type: "gauge", name: `flowreset_operator_${name}`, help, collect });
  const counter = (name: string, help: string, collect: () => Samples): Measurement => ({ type: "counter", name: `flowreset_operator_${name}_total`, help, collect });
  const one = (value: number | undefined): Samples => (value === undefined ? [] : [{ value }]);
  const queues = (read: (queue: Leading["following"]["queues"][number]) => number) => () => (leading()?.following.queues ?? []).map((queue) => ({ labels: { queue: queue.name }, value: read(queue) }));
  const figure = (name: keyof Leading["figures"]) => () => one(leading()?.figures[name]);
  return [
    gauge("build_info", "Always 1", () => [{ labels: { version, node: process.versions.node }, value: 1 }]),
    gauge("leader", "1 in the replica that leads", () => one(leading() === undefined ? 0 : 1)),
    gauge("queue_depth", "Keys that wait for a worker", queues(({ depth }) => depth)),
    gauge("queue_in_hand", "Keys that a worker looks at", queues(({ inHand }) => inHand)),
    gauge("queue_delayed", "Keys that wait for their time", queues(({ delayed }) => delayed)),
    counter("queue_added", "Keys that were put into the queue", queues(({ added }) => added)),
    counter("reconciles", "Looks at a key", queues(({ done }) => done)),
    counter("reconcile_failures", "Looks at a key that failed", queues(({ failures }) => failures)),
    counter("reconcile_seconds", "Time spent at it", queues(({ workSeconds }) => workSeconds)),
    counter("api_requests", "Requests to the API server", () => counters.requests().map(({ verb, resource, code, count }) => ({ labels: { verb, resource, code: String(code) }, value: count }))),
    counter("watch_restarts", "Watches that were opened again", () => one(counters.watchRestarts)),
    counter("relists", "Whole lists after the first", () => one(counters.relists)),
    counter("silent_watches", "Watches that were broken off because nothing was heard by them", () => one(counters.silentWatches)),
    counter("bad_watch_lines", "Lines of a watch that could not be read", () => one(counters.badLines)),
    counter("handler_errors", "Exceptions while an object was taken", () => one(counters.handlerErrors)),
    counter("events_sent", "Events written", () => one(counters.eventsSent)),
    counter("events_failed", "Events that could not be written", () => one(counters.eventsFailed)),
    counter("events_dropped", "Events left out because there were too many", () => one(counters.eventsDropped)),
    gauge("watch_connected", "1 while a watch is open", () => (leading()?.following.watches ?? []).map(({ resource, state }) => ({ labels: { resource }, value: state.connected ? 1 : 0 }))),
    gauge("missing_rights", "1 for each right that the API server refused lately", () => (leading()?.following.missingRights.list(performance.now()) ?? []).map((labels) => ({ labels: { ...labels }, value: 1 }))),
    counter("report_answers", "Answers to reports, by status", () => [...(reports()?.answers ?? [])].map(([code, value]) => ({ labels: { code: String(code) }, value }))),
    gauge("report_connections", "Connections of sensors", () => one(reports()?.connections())),
    gauge("token_reviews_kept", "Tokens whose review is remembered", () => one(authenticator.figures.kept)),
    gauge("sensors", "Sensors that are known", figure("sensors")),
    gauge("sensors_stale", "Sensors that are silent for three heartbeats", figure("stale")),
    gauge("flowresets_running", "FlowResets that run or ended lately", figure("running")),
    gauge("flowreset_results", "FlowResets of which results are kept", figure("booked")),
    counter("flowreset_results_dropped", "Results of FlowResets that found no room", figure("resultsDropped")),
    gauge("policies", "Policies of both kinds", figure("policies")),
    gauge("policies_unsettled", "Policies that not every sensor has loaded", figure("unsettled")),
    gauge("counter_pairs", "Counters kept, policies times sensors", figure("counterPairs")),
    counter("counters_left_out", "Counters of sensors that found no room", figure("countersLeftOut")),
    counter("incidents_dropped", "Events of pods left out because too many waited", figure("incidentsDropped")),
    gauge("resident_memory_bytes", "Memory of the process", () => one(process.memoryUsage.rss())),
    counter("cpu_seconds", "Processor time of the process", () => one((process.cpuUsage().user + process.cpuUsage().system) / 1e6)),
  ];
}
