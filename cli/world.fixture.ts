/** A world for the commands: captured output, a sensor of lies behind a real socket. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startControlServer } from "../sensor/control/mod.ts";
import type { ControlHandlers, FlowLine, ResetFlow, ResetLine, SensorStatus } from "../sensor/control/mod.ts";
import type { OperatorOptions } from "../operator/options.ts";
import type { ReplayOptions, ReplaySummary, RunningSensor, SensorOptions } from "../sensor/options.ts";
import { main } from "./mod.ts";
import type { Surroundings } from "./surroundings.ts";

export interface World extends Disposable {
  folder: string;
  socket: string;
  stopFile: string;
  /** What the fake sensor and replay were given. */
  started: SensorOptions[];
  replayed: ReplayOptions[];
  operated: OperatorOptions[];
  closed: number;
  reopened: number;
  signal(name: "SIGINT" | "SIGTERM" | "SIGHUP"): void;
  /** Runs a command line and returns its end; "SOCKET" in it stands for --socket and its path. */
  run(...words: string[]): Promise<{ code: number; out: string; err: string }>;
  /** Standard output so far, while a command runs. */
  seen(): string;
}

export interface Fakes {
  control?: Partial<ControlHandlers>;
  /** What runSensor rejects with. */
  refusal?: Error;
  /** The sensor ends by itself at once. */
  endsAtOnce?: boolean;
  summary?: Partial<ReplaySummary>;
  terminal?: { columns: number; rows: number };
  env?: Record<string, string>;
}

export function makeWorld(fakes: Fakes = {}): World {
  const folder = mkdtempSync(join(tmpdir(), "flowreset-cli-"));
  const socket = join(folder, "sensor.sock");
  const listeners = new Set<(signal: "SIGINT" | "SIGTERM" | "SIGHUP") => void>();
  let out = "";
  let err = "";
  const world: World = {
    folder,
    socket,
    stopFile: join(folder, "stop"),
    started: [],
    replayed: [],
    operated: [],
    closed: 0,
    reopened: 0,
    signal: (name) => listeners.forEach((listener) => listener(name)),
    seen: () => out,
    async run(...words) {
      out = err = "";
      const line = words.flatMap((word) => (word === "SOCKET" ? ["--socket", socket] : [word]));
      const code = await main(line, surroundings);
      return { code, out, err };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
  const surroundings: Surroundings = {
    stdout: { write: (text) => (out += text), ...(fakes.terminal === undefined ? {} : { isTTY: true, ...fakes.terminal }) },
    stderr: { write: (text) => (err += text) },
    env: fakes.env ?? {},
    uid: 1000,
    now: () => new Date(0),
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async runSensor(options) {
      if (fakes.refusal !== undefined) throw fakes.refusal;
      world.started.push(options);
      return fakeSensor(world, fakes);
    },
    async runOperator(options) {
      world.operated.push(options);
      const { promise: finished, resolve } = Promise.withResolvers<void>();
      return { finished, reportUrl: "", healthUrl: "", metricsUrl: undefined, isLeader: false, close: async () => resolve() };
    },
    async replay(options) {
      world.replayed.push(options);
      return { ...SUMMARY, ...fakes.summary };
    },
  };
  return world;
}

function fakeSensor(world: World, { control, endsAtOnce }: Fakes): RunningSensor {
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  if (endsAtOnce === true) resolve();
  return {
    control: { ...HANDLERS, ...control },
    finished,
    reopenEvents: () => world.reopened++,
    async close() {
      world.closed++;
      resolve();
    },
  };
}

/** A real socket server with these handlers at the world's socket. */
export function serve(world: World, handlers: Partial<ControlHandlers>) {
  return startControlServer(world.socket, { ...HANDLERS, ...handlers });
}

export async function* linesOf(...lines: ResetLine[]): AsyncIterable<ResetLine> {
  yield* lines;
}

export function resetFlow(changes: Partial<ResetFlow> = {}): ResetFlow {
  return {
    type: "flow",
    flow_id: 1,
    client: { ip: "10.0.0.7", port: 43_122 },
    server: { ip: "2001:db8::9", port: 443 },
    interface: "veth0",
    outcome: "Confirmed",
    reason: "CutAfterEstablished",
    rsts: 2,
    connection: "1 2",
    suppressed: false,
    timeToFirstRstMicroseconds: 90,
    timeToConfirmedMicroseconds: 3_400,
    actor: "first",
    ...changes,
  };
}

export const DONE: ResetLine = { type: "done", phase: "Succeeded", reason: "", message: "" };

export function flowLine(changes: Partial<FlowLine> = {}): FlowLine {
  return {
    flow_id: 7,
    client: { ip: "10.0.0.7", port: 43_122 },
    server: { ip: "10.0.0.9", port: 22 },
    state: "Established",
    inferred: false,
    ageMs: 185_000,
    idleMs: 20,
    bytesToServer: 1_500,
    bytesToClient: 0,
    packetsToServer: 2,
    packetsToClient: 1,
    interface: "veth0",
    findings: [],
    ...changes,
  };
}

export const STATUS: SensorStatus = {
  version: "1",
  pid: 1,
  startedAt: "",
  stopped: false,
  stoppedBy: [],
  stopFile: undefined,
  workers: 1,
  interfaces: [],
  packets: 12_345,
  drops: 0,
  flows: 1,
  flowCapacity: 1_000,
  policies: [],
};

const HANDLERS: ControlHandlers = {
  status: () => STATUS,
  flows: () => [],
  reset: () => linesOf({ type: "matched", count: 0 }, DONE),
  stop() {},
  start() {},
};

const SUMMARY: ReplaySummary = {
  files: ["a.pcap"],
  packets: 1_234,
  bytes: 5_000_000,
  flows: 12,
  findings: 2,
  wouldReset: 1,
  byPolicy: [],
  decodeReasons: {},
  captureSeconds: 1.5,
  policyProblems: 0,
  error: undefined,
};
