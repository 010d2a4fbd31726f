/** Metrics of a sensor's life in a cluster. Label sets are bounded: watches by their names, rights by their limit. */
import type { Registry } from "prom-client";
import type { KubeClient } from "../kube/mod.ts";
import { readThrottling } from "./cluster/mod.ts";
import type { ClusterMember } from "./cluster/mod.ts";
import type { ClusterReport } from "./clusterReport.ts";
import type { ClusterResets } from "./clusterResets.ts";
import { registerPulled } from "./report/mod.ts";

export interface ClusterMetricParts {
  readonly client: KubeClient;
  readonly member: ClusterMember;
  readonly report: ClusterReport;
  readonly resets: ClusterResets;
}

export function registerClusterMetrics(registry: Registry, { client, member, report, resets }: ClusterMetricParts): void {
  const gauge = (name: string, help: string, read: () => number): void => registerPulled(registry, "gauge", `flowreset_${name}`, help, () => [{ value: read() }]);
  const counter = (name: string, help: string, read: () => number): void => registerPulled(registry, "counter", `flowreset_${name}_total`, help, () => [{ value: read() }]);
  const ofWatches = (type: "gauge" | "counter", name: string, help: string, read: (watch: ClusterMember["watches"]["pods"]) => number): void =>
    registerPulled(registry, type, `flowreset_watch_${name}`, help, () => Object.entries(member.watches).map(([watch, reflector]) => ({ labels: { watch }, value: read(reflector) })));

  ofWatches("gauge", "connected", "Whether the watch is open", ({ state }) => (state.connected ? 1 : 0));
  ofWatches("gauge", "last_contact_timestamp_seconds", "Last byte of the API server by this watch", ({ state }) => state.lastContactMs / 1_000);
  ofWatches("gauge", "objects", "Objects that are followed", ({ objects }) => objects.size);
  ofWatches("counter", "relists_total", "Lists after the first", ({ state }) => state.relists);
  ofWatches("counter", "reconnects_total", "Watches after the first", ({ state }) => state.reconnects);

  gauge("cluster_synced", "Whether everything that enforcement needs was heard since the start", () => (member.isSynced ? 1 : 0));
  gauge("cluster_policy_age_seconds", "Since the API server was last heard about policies", () => (member.contactMs === 0 ? 0 : (Date.now() - member.contactMs) / 1_000));
  gauge("cluster_policy_too_old", "Whether nothing is enforced because of that age", () => (member.isTooOld ? 1 : 0));
  gauge("cluster_state_faulty", "Whether the state on disk could not be read or written", () => (member.stateFault === undefined ? 0 : 1));
  gauge("cluster_objects_failed", "Objects that are not in force as they stand, 100 at most", () => member.failures().length);
  registerPulled(registry, "gauge", "flowreset_cluster_pods", "Pods of the node by whether their interface is known", () => {
    const pods = member.knowledge.pods.pods();
    const bound = pods.filter(({ interfaceIndex }) => interfaceIndex !== 0).length;
    return [{ labels: { interface: "known" }, value: bound }, { labels: { interface: "unknown" }, value: pods.length - bound }];
  });
  registerPulled(registry, "gauge", "flowreset_missing_right", "What the API server does not allow", () => report.own.missingRights().map((right) => ({ labels: { right }, value: 1 })));
  counter("cluster_flowresets_too_old", "FlowResets left alone because of their age", () => resets.tooOld);
  gauge("coverage_half_blind_interfaces", "Interfaces of which one direction alone is seen", () => report.coverage.halfBlind.length);

  counter("report_posts", "Posts to the operator", () => report.stream.counts.posts);
  counter("report_failures", "Posts that were not taken", () => report.stream.counts.failures);
  counter("report_redirects", "Posts that a replica sent on to the leader", () => report.stream.counts.redirects);
  counter("report_dropped", "Results and incidents that found no room while they waited", () => report.outbox.dropped);
  counter("report_events_skipped", "Event lines that incidents were not made of", () => report.incidents.skipped);
  gauge("report_waiting_flowresets", "FlowResets of which something is not acknowledged", () => report.outbox.waiting);
  gauge("report_last_taken_timestamp_seconds", "Last post that the operator took", () => report.stream.lastTakenMs / 1_000);
  counter("sensornode_writes", "Writes of the SensorNode", () => report.writer.writes);
  counter("api_handler_errors", "Exceptions while an object was taken", () => client.counters.handlerErrors);

  // Without a limit there is nothing to tell.
  if (readThrottling() === undefined) return;
  counter("cpu_throttled_periods", "Periods of the scheduler in which a processor limit held the sensor back", () => readThrottling()?.periods ?? 0);
  counter("cpu_throttled_seconds", "Time for which a processor limit held the sensor back", () => readThrottling()?.seconds ?? 0);
}
