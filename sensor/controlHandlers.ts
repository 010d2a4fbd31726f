/** What the local socket (and `flowreset kill` in process) asks of a running sensor. */
import { API_VERSION, parseDocuments } from "../crds/mod.ts";
import { removeStopFile, RequestError, writeStopFile } from "./control/mod.ts";
import type { ControlHandlers, ResetLine } from "./control/mod.ts";
import { Stop } from "./decide/mod.ts";
import type { SensorOptions } from "./options.ts";
import type { PacketWorkers } from "./packetWorkers.ts";
import type { PolicyKeeper } from "./policyKeeper.ts";
import type { PolicyReport } from "./policyReport.ts";
import { Counter } from "./report/mod.ts";
import type { ResetBoard } from "./resetBoard.ts";
import type { StopSwitch } from "./stopSwitch.ts";
import type { Topology } from "./topology/mod.ts";
import { version } from "./version.ts";

export interface ControlParts {
  readonly options: SensorOptions;
  readonly keeper: PolicyKeeper;
  readonly board: ResetBoard;
  readonly workers: PacketWorkers;
  readonly topology: Topology;
  readonly policyReport: PolicyReport;
  readonly stop: StopSwitch;
}

export function createControl(parts: ControlParts): ControlHandlers {
  const { options, keeper, workers, topology, policyReport, stop } = parts;
  const startedAt = new Date().toISOString();
  const sum = (counter: number): number => workers.counters.reduce((total, { values }) => total + values[counter]!, 0);
  return {
    status: () => ({
      version: version(),
      pid: process.pid,
      startedAt,
      stopped: stop.isStopped,
      stoppedBy: stop.authors,
      stopFile: options.stopFile,
      workers: workers.count,
      interfaces: topology.interfaces().map(({ name }) => name),
      packets: sum(Counter.Packets),
      drops: sum(Counter.KernelDrops),
      flows: sum(Counter.FlowsLive),
      flowCapacity: sum(Counter.FlowsCapacity),
      policies: keeper.policyStates.map(({ name, mode, identity }) => {
        const message = policyReport.messageOf(identity);
        return { name, mode, state: message === undefined ? "Ready" : "Degraded", message };
      }),
    }),
    async *flows(query) {
      yield* await workers.flows(query);
    },
    reset: (spec, signal) => reset(parts, spec, signal),
    stop: () => {
      stop.set(Stop.Emergency, true);
      if (options.stopFile !== undefined) writeStopFile(options.stopFile, "flowreset stop", new Date());
    },
    start: () => {
      if (options.stopFile !== undefined) removeStopFile(options.stopFile);
      stop.set(Stop.Emergency, false);
    },
  };
}

let resets = 0;

/** A spec as people would write it in a file, judged by the same schema. */
async function* reset({ keeper, board }: ControlParts, spec: unknown, signal: AbortSignal): AsyncIterable<ResetLine> {
  const name = `request-${process.pid}-${++resets}`;
  const text = JSON.stringify({ apiVersion: API_VERSION, kind: "ClusterFlowReset", metadata: { name }, spec });
  const { objects, problems } = parseDocuments(text, "request", { standalone: true });
  const object = objects[0];
  if (object === undefined) throw new RequestError(400, problems.map(({ field, message }) => `${field}: ${message}`).join("; "));
  const { compiled, notes } = keeper.compileReset(object);
  if (compiled.flowResetCount === 0) throw new RequestError(400, notes.map(({ field, message }) => `${field}: ${message}`).join("; "));
  const lines: ResetLine[] = [];
  let wake = (): void => {};
  signal.addEventListener("abort", () => wake());
  board.start(name, compiled, (line) => {
    lines.push(line);
    wake();
  });
  while (!signal.aborted) {
    const line = lines.shift();
    if (line === undefined) {
      await new Promise<void>((resolve) => (wake = resolve));
      continue;
    }
    yield line;
    if (line.type === "done") return;
  }
}
