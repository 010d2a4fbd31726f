/**
 * The sensor of one machine: wires the rooms together. The main thread follows policies and interfaces, answers the
 * local socket and writes what happened; packets are the Workers' (worker.ts, pipeline.ts).
 */
import { randomBytes } from "node:crypto";
import { version } from "./version.ts";
import { CaptureError, hasNetRaw } from "./capture/mod.ts";
import { isStopped, SensorAlreadyRunning, startControlServer, watchStopFile } from "./control/mod.ts";
import { createControl } from "./controlHandlers.ts";
import type { RunningSensor, SensorOptions } from "./options.ts";
import { SensorError } from "./options.ts";
import { openOutput } from "./output.ts";
import { ownSessions } from "./ownSession.ts";
import { PacketWorkers } from "./packetWorkers.ts";
import { DirectoryPolicySource } from "./policy/mod.ts";
import type { PolicySnapshot } from "./policy/mod.ts";
import { PolicyKeeper } from "./policyKeeper.ts";
import { ResetBoard } from "./resetBoard.ts";
import { ResetFiles } from "./resetFiles.ts";
import { PolicyReport } from "./policyReport.ts";
import { captureFilter, interfaceNames, routeOf } from "./surroundings.ts";
import { Topology } from "./topology/mod.ts";

const NOTHING_WRITTEN: PolicySnapshot = { objects: [], problems: [], notes: [], version: 0, stale: [], withheld: [] };

/** Starts it; rejects with SensorError for whatever a person can mend. */
export async function runSensor(options: SensorOptions): Promise<RunningSensor> {
  if (!hasNetRaw()) {
    throw new SensorError("MissingRight", "Cannot capture packets: CAP_NET_RAW is missing", "run it with sudo, or give the right: setcap cap_net_raw+ep on the node binary");
  }
  const output = openOutput(options);
  const { log } = output;
  const stop = new Int32Array(new SharedArrayBuffer(4));
  if (options.stopFile !== undefined && isStopped(options.stopFile)) stop[0] = 1;
  const topology = await Topology.start({ onFault: (error) => log.error({ err: error }, "interfaces are not followed any more") });
  const keeper = new PolicyKeeper({ protectedConnections: ownSessions(process.pid), protectedPorts: options.protectedPorts });
  keeper.interfaces = topology.interfaces();
  const policyReport = new PolicyReport(log);
  const source = options.policies === undefined ? undefined : new DirectoryPolicySource({ directory: options.policies, standalone: true });
  let firstSnapshot = NOTHING_WRITTEN;
  let onSnapshot = (snapshot: PolicySnapshot): void => void (firstSnapshot = snapshot);
  source?.start((snapshot) => onSnapshot(snapshot));
  const first = keeper.take(firstSnapshot);
  policyReport.onSnapshot(firstSnapshot, first);

  const finished = Promise.withResolvers<void>();
  finished.promise.catch(() => {});
  const board = new ResetBoard();
  const markKey = [...new Int32Array(randomBytes(8).buffer.slice(0, 8))];
  const seed = randomBytes(4).readInt32LE();
  const workers: PacketWorkers = new PacketWorkers({
    count: options.workers,
    startOf: (worker) => ({
      compiled: first.compiled,
      labels: first.labels,
      labelNames: first.labelNames,
      tableCapacity: Math.max(1_024, Math.floor(options.tableCapacity / options.workers)),
      seed,
      markKey,
      stop: stop.buffer as SharedArrayBuffer,
      homes: topology.homes,
      filter: captureFilter(topology.interfaces(), options, worker),
      busyPollMicroseconds: options.busyPollMicroseconds,
      ...routeOf(topology.interfaces(), options),
      interfaceNames: interfaceNames(topology.interfaces()),
      establishedTimeoutMs: keeper.establishedTimeoutMs,
    }),
    onEvent: (line) => output.events.write(line),
    onRun: (record) => board.onRecord(record, workers.count),
    onPolicy: (worker, generation) => log.debug({ worker, generation }, "policy in force"),
    onFault: (error) => {
      log.fatal({ err: error }, "the sensor ends; traffic goes on");
      finished.reject(error);
    },
  });
  try {
    await workers.start();
  } catch (error) {
    await workers.close().catch(() => {});
    topology.close();
    source?.close();
    throw error instanceof CaptureError ? new SensorError("Unavailable", error.message) : error;
  }

  const setStopped = (stopped: boolean): void => {
    if ((Atomics.exchange(stop, 0, stopped ? 1 : 0) === 1) === stopped) return;
    workers.post({ kind: "stopped" });
    log.warn({ stopped }, stopped ? "emergency stop: nothing is injected" : "injecting again");
  };
  const stopWatch = options.stopFile === undefined ? undefined : watchStopFile(options.stopFile, setStopped);
  const resetFiles = new ResetFiles({ keeper, board, workers, log, statePath: options.socket });
  const compileAgain = (round: ReturnType<PolicyKeeper["compile"]>): void => {
    workers.post({ kind: "policy", compiled: round.compiled, labels: round.labels, labelNames: round.labelNames, generation: round.generation });
  };
  onSnapshot = (snapshot) => {
    const round = keeper.take(snapshot);
    compileAgain(round);
    policyReport.onSnapshot(snapshot, round);
    resetFiles.onResets(keeper.resets);
  };
  topology.onChange(() => {
    const interfaces = topology.interfaces();
    keeper.interfaces = interfaces;
    for (let worker = 0; worker < workers.count; worker++) {
      workers.postTo(worker, { kind: "interfaces", names: interfaceNames(interfaces), filter: captureFilter(interfaces, options, worker) });
    }
    compileAgain(keeper.compile());
  });
  resetFiles.onResets(keeper.resets);

  const control = createControl({ options, keeper, board, workers, topology, policyReport, stop, setStopped, stopWatch });
  const http = await output.serve({ options, workers, keeper, policyReport });
  const server = options.socket === undefined ? undefined : await startControlServer(options.socket, control).catch((error: unknown) => {
    if (!(error instanceof SensorAlreadyRunning)) throw error;
    log.warn({ socket: options.socket }, "another sensor runs on this machine and keeps the local socket: this one has none");
    return undefined;
  });
  log.info({ version: version(), policies: keeper.policyStates.length, workers: workers.count, metrics: http?.url, socket: server?.path }, "watching");

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    stopWatch?.close();
    source?.close();
    await server?.close();
    await http?.close();
    await workers.close();
    topology.close();
    await output.events.close();
    finished.resolve();
  };
  return { control, finished: finished.promise, reopenEvents: () => output.events.reopen(), close: () => (closing ??= close()) };
}
