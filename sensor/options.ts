/**
 * What the two programs of this room are told (sensor and replay) and what they hand back. The command line makes
 * these, main.ts and replay.ts obey them; neither reads process.env or process.argv itself.
 */
import type { ControlHandlers } from "./control/mod.ts";
import type { LogLevel } from "./report/mod.ts";

export type CaptureMethod = "ring" | "libpcap";

export const LOG_LEVELS: readonly LogLevel[] = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

/** A sensor that is a member of a cluster: policies, pods and FlowResets come from its API server. */
export interface ClusterOptions {
  /** Of the Node object. */
  readonly node: string;
  /** Of the SensorFleet. */
  readonly fleet: string;
  /** Where the operator and this sensor's own pod live. */
  readonly namespace: string;
  /** Folder on the node's disk for the last good state; undefined: nothing is kept. */
  readonly stateDirectory: string | undefined;
  /** Undefined: the pod's service account, or what kubectl would take. */
  readonly kubeconfig: string | undefined;
  /** Where the pod's service account lies; undefined: where kubelets put it. */
  readonly serviceAccountFolder: string | undefined;
  /** Token that the report stream is shown; undefined: the service account's. */
  readonly reportTokenFile: string | undefined;
  /** The key of the mark as the operator mounts it: it may be absent. `SensorOptions.markKeyFile` goes before it. */
  readonly markKeyFile: string | undefined;
}

export interface SensorOptions {
  /** Undefined: a standalone sensor. */
  cluster: ClusterOptions | undefined;
  /** Folder of policy files, watched; undefined: none (a one-shot `flowreset kill`). */
  policies: string | undefined;
  /** Names and globs (`veth*`); empty: every interface. */
  interfaces: readonly string[];
  capture: CaptureMethod;
  workers: number;
  /** HOST:PORT of /metrics, /healthz and /readyz; undefined: none. */
  listen: string | undefined;
  /** Mirror port: see packets on this interface only. */
  captureOnly: string | undefined;
  /** With captureOnly: "route" (as the kernel's routes say) or an interface. */
  inject: string | undefined;
  /** Where event lines go: "-" for standard output, "none", or a file. */
  events: string;
  /** Unix socket of `flowreset flows`, `kill`, `stop`. Undefined: none. */
  socket: string | undefined;
  /** While this file exists nothing is injected. Undefined: not looked at. */
  stopFile: string | undefined;
  logLevel: LogLevel;
  /** Longest spell of polling without sleeping after traffic; 0: always sleep. */
  busyPollMicroseconds: number;
  /** Flows in the table of the whole sensor. */
  tableCapacity: number;
  /** Ports of this machine that are never reset, beside the ssh session that started the sensor. */
  protectedPorts: readonly number[];
  /** File with the key of the mark, shared by sensors that see the same traffic; undefined: a random one. */
  markKeyFile: string | undefined;
}

export const DEFAULT_LISTEN = "127.0.0.1:9464";
export const DEFAULT_TABLE_CAPACITY = 1_000_000;

export const DEFAULT_SENSOR_OPTIONS: Readonly<SensorOptions> = {
  cluster: undefined,
  policies: undefined,
  interfaces: [],
  capture: "ring",
  workers: 1,
  listen: DEFAULT_LISTEN,
  captureOnly: undefined,
  inject: undefined,
  events: "-",
  socket: undefined,
  stopFile: undefined,
  logLevel: "info",
  busyPollMicroseconds: 0,
  tableCapacity: DEFAULT_TABLE_CAPACITY,
  protectedPorts: [],
  markKeyFile: undefined,
};

export interface RunningSensor {
  /** The same that the local socket serves, in process. */
  readonly control: ControlHandlers;
  /** Resolves when the sensor has ended; rejects with the fault that ended it. */
  readonly finished: Promise<void>;
  /** Opens the events file again (log rotation). */
  reopenEvents(): void;
  /** Ends it: kills under way are dropped, reports are flushed. May be called twice. */
  close(): Promise<void>;
}

export interface ReplayOptions {
  /** Capture files in the order to read; "-" is standard input. */
  files: readonly string[];
  policies: string | undefined;
  /** Where event lines go: "-", "none", or a file. */
  events: string;
  logLevel: LogLevel;
  tableCapacity: number;
  /** Transport checksums in the file: check them, or trust every packet (captures of local senders with offload). */
  checksum: "verify" | "trust";
}

export interface ReplaySummary {
  files: readonly string[];
  packets: number;
  bytes: number;
  flows: number;
  findings: number;
  /** Connections that a live sensor would have reset (whatever the mode of their policy). */
  wouldReset: number;
  byPolicy: readonly ReplayPolicySummary[];
  /** Count by DecodeReason name, ok excluded. */
  decodeReasons: Readonly<Record<string, number>>;
  /** Seconds from the first packet's clock to the last's. */
  captureSeconds: number;
  /** Faults of policy files: the files that have them count for nothing. */
  policyProblems: number;
  /** Where reading ended early: what and at which byte of which file. */
  error: { file: string; offset: number; message: string } | undefined;
}

export interface ReplayPolicySummary {
  /** `namespace/name` or `name`. */
  policy: string;
  mode: "Observe" | "Enforce";
  findings: number;
  wouldReset: number;
  suppressed: number;
}

/**
 * A failure that the command line turns into one line and an exit code: nothing more is printed. `hint` says what
 * to do next.
 */
export class SensorError extends Error {
  readonly code: SensorErrorCode;
  readonly hint: string | undefined;

  constructor(code: SensorErrorCode, message: string, hint?: string) {
    super(message);
    this.name = "SensorError";
    this.code = code;
    this.hint = hint;
  }
}

export type SensorErrorCode = "BadInput" | "MissingRight" | "AlreadyRunning" | "Unavailable" | "Failed";
