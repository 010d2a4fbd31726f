/** The results of `scale` as tables: a row a figure, a column a size, and how it grew from the first size to the last. */
import { percentile } from "../../bench/table.ts";
import type { Cell, Table } from "../../bench/table.ts";
import { PODS_A_NODE } from "./estate.ts";
import type { ScaleResult, ScaleSettings } from "./scale.ts";
import { MOST_ENTRIES } from "./statuses.ts";
import type { Window } from "./window.ts";

const GOAL_OPERATOR_MB = 300;
const GOAL_COMPLETE_P99_MS = 1_000;

type Figure = readonly [name: string, of: (result: ScaleResult) => number, goal?: Cell];

export function scaleTables(results: readonly ScaleResult[], settings: ScaleSettings, watchesEach: number, own: ReadonlyMap<string, number>): Table[] {
  return [load(results, settings, watchesEach), requests(results, own), statuses(results.at(-1)!)];
}

function load(results: readonly ScaleResult[], settings: ScaleSettings, watchesEach: number): Table {
  const { policies, flowResetsPerMinute, idleSeconds, busySeconds } = settings;
  const figures: Figure[] = [
    ["operator start to every sensor heard, s", ({ assembledSeconds }) => assembledSeconds],
    ["operator start to every policy Ready, s", ({ readySeconds }) => readySeconds],
    [`policies Ready, of ${policies}`, ({ readyPolicies }) => readyPolicies, policies],
    ["pause between reports asked, s", ({ nextReportMs }) => nextReportMs / 1_000],
    ["idle: stored writes a node a minute", ({ idle, nodes }) => idle.storedWrites / nodes / (idle.seconds / 60), "< 1"],
    ...ofWindow("idle", ({ idle }) => idle),
    ...ofWindow("busy", ({ busy }) => busy),
    ["busy: FlowReset to a sensor, p50 ms", ({ busy }) => percentile(busy.deliveryMs, 0.5)],
    ["busy: FlowReset to a sensor, p99 ms", ({ busy }) => percentile(busy.deliveryMs, 0.99)],
    ["busy: FlowReset of a pod to Complete, p50 ms", ({ flowResets }) => percentile(flowResets.completeMs, 0.5)],
    ["busy: FlowReset of a pod to Complete, p99 ms", ({ flowResets }) => percentile(flowResets.completeMs, 0.99), GOAL_COMPLETE_P99_MS],
    ["busy: FlowReset of nobody to Complete, p99 ms", ({ flowResets }) => percentile(flowResets.unknownMs, 0.99), "seconds"],
    ["an edited policy to Ready again, s", ({ editReadySeconds }) => editReadySeconds, "seconds"],
    ["meanwhile: operator CPU", ({ edit }) => edit.operatorCpu],
    ["meanwhile: operator RSS MB, at its most", ({ edit }) => edit.operatorPeakMb, GOAL_OPERATOR_MB],
    ["FlowResets made", ({ flowResets }) => flowResets.made],
    [`FlowResets made a minute, of ${flowResetsPerMinute}`, ({ flowResets, busy }) => (flowResets.made / busy.seconds) * 60, flowResetsPerMinute],
    ["FlowResets with a wrong count, or unfinished", ({ flowResets }) => flowResets.wrong + flowResets.unfinished, 0],
    ["simulation: watches that were lost", ({ lostWatches }) => lostWatches, 0],
    ["simulation: SensorNode writes refused", ({ heartbeatFailures }) => heartbeatFailures, 0],
  ];
  return {
    key: "scale",
    title: "The operator and the API server in a growing cluster",
    columns: ["nodes", ...results.map(({ nodes }) => String(nodes)), "growth", "goal"],
    rows: figures.map(([name, of, goal = "-"]) => [name, ...results.map(of), growth(results, of), goal]),
    notes: [
      `Real: etcd, API server and the operator (installed, in a pod's surroundings, with the chart's rights and admission policy); ${PODS_A_NODE} Pods a node,`,
      "Nodes with 20 images; for each sensor a token bound to its own pod, TLS and a connection of its own to the operator, its reports, its SensorNode",
      `every 90 s, and ${watchesEach} watches (both FlowReset kinds, ResponsePolicies, its SensorFleet). Nodes and Pods were written into etcd directly.`,
      "Simulated: sensors see no packets; what a FlowReset finds is made up (one connection, seen from both its nodes); their watches share TCP",
      "connections (HTTP/2, 100 each), and those of their node, its pods and others, through which nothing comes here, are left out; nobody runs pods.",
      `Idle ${idleSeconds} s, busy ${busySeconds} s with ${flowResetsPerMinute} FlowResets a minute, of which one in ten names an address of nobody; 0.5 CPU is half of one.`,
      "API server, etcd, operator and all sensors share this machine: where their CPU adds up to all of it, times are those of an overloaded machine.",
      ...results.flatMap((result) => [...refusals(result.nodes, "idle", result.idle), ...refusals(result.nodes, "busy", result.busy)]),
      "growth: the last column over the first one, with the nodes' own growth in brackets.",
    ],
  };
}

function ofWindow(name: string, of: (result: ScaleResult) => Window): Figure[] {
  return [
    [`${name}: API requests a second, without watches`, (result) => of(result).requestRate],
    [`${name}: watches open`, (result) => of(result).watchesOpen],
    [`${name}: watch deliveries a second`, (result) => of(result).deliveryRate],
    [`${name}: watch kB a second`, (result) => of(result).deliveredBytesRate / 1_000],
    [`${name}: reports a second`, (result) => of(result).reportRate],
    [`${name}: report answered, p99 ms`, (result) => percentile(of(result).reportMs, 0.99)],
    [`${name}: reports not taken`, (result) => [...of(result).reportsRefused.values()].reduce((sum, count) => sum + count, 0), 0],
    [`${name}: operator CPU`, (result) => of(result).operatorCpu],
    [`${name}: operator RSS MB, at its most`, (result) => of(result).operatorPeakMb, GOAL_OPERATOR_MB],
    [`${name}: API server CPU`, (result) => of(result).apiServerCpu],
    [`${name}: API server RSS MB`, (result) => of(result).apiServerMb],
    [`${name}: CPU of all simulated sensors`, (result) => of(result).ownCpu],
  ];
}

/** Why reports were not taken; a sensor that is refused comes again, and loses nothing. */
function refusals(nodes: number, name: string, { reportsRefused }: Window): string[] {
  return reportsRefused.size === 0 ? [] : [`Reports not taken, ${nodes} nodes ${name}: ${[...reportsRefused].map(([what, count]) => `${what} ${count}`).join(", ")}.`];
}

function growth(results: readonly ScaleResult[], of: (result: ScaleResult) => number): string {
  const [first, last] = [results[0]!, results.at(-1)!];
  const ratio = of(last) / of(first);
  return first === last || !Number.isFinite(ratio) ? "-" : `x${ratio.toFixed(1)} (x${(last.nodes / first.nodes).toFixed(0)})`;
}

function requests(results: readonly ScaleResult[], own: ReadonlyMap<string, number>): Table {
  const names = [...new Set(results.flatMap(({ idle, busy }) => [...idle.requests.keys(), ...busy.requests.keys()]))];
  const rate = (name: string, { requests: counts, seconds }: Window): number => (counts.get(name) ?? 0) / seconds;
  const last = results.at(-1)!;
  const sorted = names.toSorted((a, b) => rate(b, last.busy) - rate(a, last.busy));
  return {
    key: "scale-requests",
    title: "Requests a second at the API server",
    columns: ["verb and resource", "alone", ...results.flatMap(({ nodes }) => [`${nodes} idle`, `${nodes} busy`])],
    rows: sorted.map((name) => [name, own.get(name) ?? 0, ...results.flatMap(({ idle, busy }) => [rate(name, idle), rate(name, busy)])]),
    notes: ['"alone": the API server asks that of itself. PATCH sensornodes/status is the sensors\' heartbeat; POST flowresets is the measurement\'s own.'],
  };
}

function statuses({ nodes, statuses: findings }: ScaleResult): Table {
  return {
    key: "scale-statuses",
    title: `What is in a status with ${nodes} nodes`,
    columns: ["", "objects", "largest status bytes", "longest list", "most nodes named", "goal"],
    rows: findings.map(({ plural, objects, largestBytes, longestList, mostNodes }) => [plural, objects, largestBytes, longestList, mostNodes, plural === "sensornodes" ? "its own" : `<= ${MOST_ENTRIES}`]),
    notes: ["Every object was looked at."],
  };
}
