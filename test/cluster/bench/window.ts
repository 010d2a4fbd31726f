/** Everything that is counted, read at the beginning and the end of a time. */
import { cpuNs } from "../../bench/processTime.ts";
import { residentOf } from "../../bench/resident.ts";
import type { PrivateApiServer } from "../mod.ts";
import type { Crowd } from "./crowd.ts";
import { Figures } from "./figures.ts";
import type { Series } from "./figures.ts";
import type { OperatorProcess } from "./operator.ts";

const API_METRICS = ["apiserver_request_total", "apiserver_watch_events", "apiserver_longrunning_requests", "process_cpu_seconds_total", "process_resident_memory_bytes"];
const SAMPLE_MS = 1_000;
const WRITES = new Set(["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"]);
/** Answered, not stored. */
const UNSTORED = new Set(["tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews", "token"]);

/** What one time brought; rates are a second. */
export interface Window {
  readonly seconds: number;
  /** By verb and resource, without watches; what the API server asks of itself is among them. */
  readonly requests: ReadonlyMap<string, number>;
  readonly requestRate: number;
  readonly storedWrites: number;
  readonly watchesOpen: number;
  readonly deliveryRate: number;
  readonly deliveredBytesRate: number;
  readonly reportRate: number;
  readonly reportMs: readonly number[];
  readonly reportsRefused: ReadonlyMap<string, number>;
  readonly deliveryMs: readonly number[];
  readonly operatorCpu: number;
  readonly operatorMb: number;
  readonly operatorPeakMb: number;
  readonly apiServerCpu: number;
  readonly apiServerMb: number;
  readonly ownCpu: number;
}

export interface Subjects {
  readonly server: PrivateApiServer;
  readonly crowd: Crowd;
  readonly operator: OperatorProcess;
}

/** Requests a second by verb and resource while nothing of ours runs. */
export async function measureOwnRequests(server: PrivateApiServer, during: () => Promise<void>): Promise<ReadonlyMap<string, number>> {
  const before = await readApiMetrics(server);
  const startMs = performance.now();
  await during();
  const added = (await readApiMetrics(server)).since(before);
  const seconds = (performance.now() - startMs) / 1_000;
  return new Map([...requestsIn(added)].map(([name, count]) => [name, count / seconds]));
}

async function readApiMetrics(server: PrivateApiServer): Promise<Figures> {
  return Figures.read(await server.expect("GET", "/metrics"), API_METRICS);
}

function requestsIn(added: Figures): Map<string, number> {
  const requests = new Map<string, number>();
  for (const { labels, value } of added.series("apiserver_request_total")) {
    if (!isCounted(labels) || value === 0) continue;
    const name = `${labels["verb"]} ${labels["resource"]}${labels["subresource"] === "" ? "" : `/${labels["subresource"]}`}`;
    requests.set(name, (requests.get(name) ?? 0) + value);
  }
  return requests;
}

/** @param during takes as long as the time is. */
export async function measureWindow({ server, crowd, operator }: Subjects, during: () => Promise<void>): Promise<Window> {
  const before = await readApiMetrics(server);
  const { figures, deliveries } = crowd;
  figures.postMs = [];
  figures.refused.clear();
  deliveries.afterMs = [];
  const posts = figures.posts;
  const operatorNs = cpuNs(operator.pid);
  const own = process.cpuUsage();
  const startMs = performance.now();
  let peakMb = 0;
  const sampler = setInterval(() => {
    // Where it has ended, whoever asked for the window says so with its last words.
    if (!operator.hasEnded) peakMb = Math.max(peakMb, residentOf(operator.pid).totalMb);
  }, SAMPLE_MS);
  try {
    await during();
  } finally {
    clearInterval(sampler);
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const ownUsed = process.cpuUsage(own);
  operator.checkAlive();
  const operatorMb = residentOf(operator.pid).totalMb;
  const operatorCpu = (cpuNs(operator.pid) - operatorNs) / 1e9 / seconds;
  const after = await readApiMetrics(server);
  const added = after.since(before);
  return {
    seconds,
    requests: requestsIn(added),
    requestRate: added.sum("apiserver_request_total", isCounted) / seconds,
    storedWrites: added.sum("apiserver_request_total", isStored),
    watchesOpen: after.sum("apiserver_longrunning_requests", ({ verb }) => verb === "WATCH"),
    deliveryRate: added.sum("apiserver_watch_events_total", ({ group }) => group === "flowreset.io") / seconds,
    deliveredBytesRate: added.sum("apiserver_watch_events_sizes_sum", ({ group }) => group === "flowreset.io") / seconds,
    reportRate: (figures.posts - posts) / seconds,
    reportMs: figures.postMs,
    reportsRefused: new Map(figures.refused),
    deliveryMs: deliveries.afterMs,
    operatorCpu,
    operatorMb,
    operatorPeakMb: Math.max(peakMb, operatorMb),
    apiServerCpu: added.sum("process_cpu_seconds_total") / seconds,
    apiServerMb: after.sum("process_resident_memory_bytes") / (1 << 20),
    ownCpu: (ownUsed.user + ownUsed.system) / 1e6 / seconds,
  };
}

/** No watch (they last), and not this measurement's reading of metrics. */
function isCounted({ verb, resource }: Series["labels"]): boolean {
  return verb !== "WATCH" && resource !== "";
}

function isStored({ verb, resource, subresource }: Series["labels"]): boolean {
  return WRITES.has(verb!) && !UNSTORED.has(resource!) && !UNSTORED.has(subresource!);
}
