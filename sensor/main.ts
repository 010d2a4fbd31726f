/**
 * The sensor of one machine: wires the rooms together. The main thread follows policies and interfaces, answers the
 * local socket and writes what happened; packets are the Workers' (worker.ts, pipeline.ts).
 */
import { randomBytes } from "node:crypto";
import { interfaceMatches } from "../crds/mod.ts";
import { releaseWhenResting } from "../memory/mod.ts";
import { hasNetRaw, workerOf } from "./capture/mod.ts";
import { ClusterSession } from "./clusterSession.ts";
import { keepCompileCache } from "./compileCache.ts";
import { isStopped, SensorAlreadyRunning, startControlServer, watchStopFile } from "./control/mod.ts";
import { createBudgets, createClaims, Stop } from "./decide/mod.ts";
import { createControl } from "./controlHandlers.ts";
import { chooseMarkKey } from "./markKey.ts";
import type { RunningSensor, SensorOptions } from "./options.ts";
import { SensorError } from "./options.ts";
import { startLibpcapLoop } from "./libpcapLoop.ts";
import { openOutput, staleWorker } from "./output.ts";
import { ownSessions } from "./ownSession.ts";
import { loadNative } from "./native/mod.ts";
import type { PacketThread } from "./packetThreads.ts";
import { PacketWorkers } from "./packetWorkers.ts";
import { directoryFault, DirectoryPolicySource, EMPTY_SNAPSHOT } from "./policy/mod.ts";
import type { PolicySnapshot } from "./policy/mod.ts";
import { checkSignatures, PolicyKeeper } from "./policyKeeper.ts";
import type { CompiledRound } from "./policyKeeper.ts";
import type { Logger } from "./report/mod.ts";
import { ResetBoard } from "./resetBoard.ts";
import { ResetFiles } from "./resetFiles.ts";
import { PolicyReport } from "./policyReport.ts";
import { captureFilter, InjectDevice, interfaceNames, routeOf } from "./captureScope.ts";
import { StopSwitch } from "./stopSwitch.ts";
import { Topology } from "./topology/mod.ts";
import { version } from "./version.ts";
import { compileWarmUp } from "./warmUpPolicy.ts";
import { WatchedInterfaces } from "./watchedInterfaces.ts";
import type { WorkerStart } from "./workerMessages.ts";

/**
 * Starts it; rejects with SensorError for whatever a person can mend. It guards as soon as it can; it resolves when it
 * is as quick as it ever will be.
 * @param threads of packet Workers, which the caller ends where this rejects
 */
export async function runSensor(options: SensorOptions, threads: readonly PacketThread[]): Promise<RunningSensor> {
  requireRights();
  requirePolicies(options.policies);
  const markKey = chooseMarkKey(options);
  // What was opened is closed in reverse order, at the end or where the start fails.
  await using opened = new AsyncDisposableStack();
  const finished = Promise.withResolvers<void>();
  finished.promise.catch(() => {});
  opened.defer(() => finished.resolve());
  const output = openOutput(options);
  opened.defer(() => output.events.close());
  const { log } = output;
  if (markKey.fault !== undefined) log.warn({ fault: markKey.fault }, "going on with a mark key of its own: this sensor and the others of the fleet do not know each other's resets");

  const topology = await openTopology(options, log);
  opened.defer(() => topology.close());
  const keeper = new PolicyKeeper({ protectedConnections: ownSessions(process.pid), protectedPorts: options.protectedPorts });
  keeper.takeInterfaces(topology.interfaces(), topology.sharedAddresses());
  const watched = new WatchedInterfaces(options, log);
  watched.onInterfaces(topology.interfaces());
  const policyReport = new PolicyReport(log);
  const source = options.policies === undefined ? undefined : new DirectoryPolicySource({ directory: options.policies, standalone: true, check: checkSignatures });
  opened.defer(() => source?.close());
  let latest = EMPTY_SNAPSHOT;
  let onSnapshot = (snapshot: PolicySnapshot): void => void (latest = snapshot);
  source?.start((snapshot) => onSnapshot(snapshot));
  const loaded = latest;
  const cluster = options.cluster === undefined ? undefined : await ClusterSession.open(options.cluster, topology, log);
  opened.defer(() => cluster?.close());
  const first = cluster === undefined ? keeper.take(loaded) : cluster.first(keeper, policyReport);
  if (cluster === undefined) policyReport.onSnapshot(loaded, first);

  const stop = new StopSwitch(log);
  if (options.stopFile !== undefined && isStopped(options.stopFile)) stop.set(Stop.Emergency, true);
  cluster?.setStops(stop);
  const board: ResetBoard = new ResetBoard(() => workers, (client, server) => workerOf(client, server, workers.count, topology.localPrefixes()));
  const given = {
    compiled: first.compiled,
    generation: first.generation,
    labels: first.labels,
    labelNames: first.labelNames,
    seed: randomBytes(4).readInt32LE(),
    markKey: markKey.words,
    stop: stop.word.buffer as SharedArrayBuffer,
    budgets: createBudgets(randomBytes(4).readInt32LE()),
    claims: options.workers > 1 ? createClaims() : undefined,
    flowTimeouts: keeper.flowTimeouts,
  };
  const injectDevice = new InjectDevice(routeOf(topology.interfaces(), options));
  const workers: PacketWorkers = new PacketWorkers({
    threads,
    ...(options.capture === "libpcap" ? { startInThisThread: (start, answer) => startLibpcapLoop(start, () => topology.interfaces(), answer) } : {}),
    startOf: (worker) => ({ ...given, ...startOf(options, topology, worker) }),
    onEvent: (line) => {
      output.events.write(line);
      cluster?.onEvent(line);
    },
    onRun: (record) => board.onRecord(record),
    onPolicy: (worker, generation) => log.debug({ worker, generation }, "policy in force"),
    onFault: (error) => {
      log.fatal({ err: error }, "the sensor ends; traffic goes on");
      finished.reject(error);
    },
  });
  opened.defer(() => workers.close());
  await workers.start().catch(captureRefused);

  stop.follow(() => workers.post({ kind: "stopped" }));
  const stopWatch = options.stopFile === undefined ? undefined : watchStopFile(options.stopFile, (stopped) => stop.set(Stop.Emergency, stopped));
  opened.defer(() => stopWatch?.close());

  const resetFiles = new ResetFiles({ keeper, board, log, statePath: options.socket });
  onSnapshot = (snapshot) => {
    const round = keeper.take(snapshot);
    enforce(workers, keeper, round);
    policyReport.onSnapshot(snapshot, round);
    resetFiles.onResets(keeper.resets);
  };
  const tellInterfaces = (): void => {
    watched.onInterfaces(topology.interfaces());
    const route = injectDevice.onInterfaces(topology.interfaces());
    for (let worker = 0; worker < workers.count; worker++) {
      workers.postTo(worker, { kind: "interfaces", names: interfaceNames(topology.interfaces()), filter: captureFilter(topology, options, worker), route });
    }
  };
  topology.onPods(tellInterfaces);
  topology.onChange(() => {
    tellInterfaces();
    enforce(workers, keeper, keeper.takeInterfaces(topology.interfaces(), topology.sharedAddresses()));
  });
  // What changed while the Workers started, and the FlowResets that were there from the beginning.
  if (latest !== loaded) onSnapshot(latest);
  else if (cluster === undefined) resetFiles.onResets(keeper.resets);
  const trouble = (): string | undefined => staleWorker(workers) ?? cluster?.trouble ?? policyReport.trouble ?? watched.trouble;
  cluster?.follow({ keeper, board, stop, policyReport, workers, topology, trouble, markKeyFault: markKey.fault, enforce: (round) => enforce(workers, keeper, round) });

  const control = createControl({ options, keeper, board, workers, topology, policyReport, stop });
  const server = options.socket === undefined ? undefined : await startControlServer(options.socket, control).catch(socketRefused);
  opened.defer(() => server?.close());
  const http = await output.serve({ options, workers, keeper, policyReport, trouble, cluster }).catch(listenRefused);
  opened.defer(() => http?.close());
  log.debug("packets are watched, the first kills may be slow");
  await workers.rehearse(compileWarmUp());
  log.info({ version: version(), policies: keeper.policyStates.length, workers: workers.count, metrics: http?.url, socket: server?.path }, "watching");
  // Where packets are this thread's, nothing may hold it up.
  if (options.capture === "ring") opened.use(releaseWhenResting({ releaseMore: onRest, onRelease: (release) => log.debug(release, "memory given back") }));

  const running = opened.move();
  let closing: Promise<void> | undefined;
  return { control, finished: finished.promise, reopenEvents: () => output.events.reopen(), close: () => (closing ??= running.disposeAsync()) };
}

function requireRights(): void {
  if (hasNetRaw()) return;
  throw new SensorError("MissingRight", "Cannot capture packets: CAP_NET_RAW is missing", "run it with sudo, or give the right: setcap cap_net_raw+ep on the node binary");
}

function requirePolicies(directory: string | undefined): void {
  const fault = directory === undefined ? undefined : directoryFault(directory);
  if (fault === undefined) return;
  throw new SensorError("BadInput", fault, "name the folder of policies with --policies; it may be empty, and policies come into force when they are put there");
}

function openTopology({ captureOnly, interfaces }: SensorOptions, log: Logger): Promise<Topology> {
  const isCaptured = (name: string): boolean => interfaces.some((glob) => interfaceMatches(glob, name));
  return Topology.start({
    onFault: (error) => log.error({ err: error }, "interfaces are not followed any more"),
    isMirror: (name) => name === captureOnly,
    ...(interfaces.length === 0 ? {} : { isCaptured }),
  });
}

type OwnStart = Pick<WorkerStart, "tableCapacity" | "homes" | "filter" | "busyPollMicroseconds" | "route" | "injectDevice" | "interfaceNames">;

/** What one Worker is started with beside what all are given: its share of the table, of the interfaces, its way out. */
function startOf(options: SensorOptions, topology: Topology, worker: number): OwnStart {
  return {
    tableCapacity: Math.max(1_024, Math.floor(options.tableCapacity / options.workers)),
    homes: topology.homes,
    filter: captureFilter(topology, options, worker),
    busyPollMicroseconds: options.busyPollMicroseconds,
    ...routeOf(topology.interfaces(), options),
    interfaceNames: interfaceNames(topology.interfaces()),
  };
}

function enforce(workers: PacketWorkers, { flowTimeouts }: PolicyKeeper, { compiled, labels, labelNames, generation }: CompiledRound): void {
  workers.post({ kind: "policy", compiled, labels, labelNames, generation, flowTimeouts });
}

function captureRefused(error: unknown): never {
  throw error instanceof Error && error.name === "CaptureError" ? new SensorError("Unavailable", error.message) : error;
}

function socketRefused(error: unknown): never {
  if (!(error instanceof SensorAlreadyRunning)) throw error;
  throw new SensorError("AlreadyRunning", `Cannot start a second sensor: ${error.path} belongs to one that runs`, "use the running one with `flowreset flows` and `flowreset kill`, or give this one its own --socket");
}

function listenRefused(error: unknown): never {
  throw new SensorError("Unavailable", (error as Error).message, "choose another address with --listen, or none");
}

/** The start is over: what the next one can use is kept, what this one needed is given back. */
function onRest(): void {
  keepCompileCache();
  loadNative().releaseMemory();
}
