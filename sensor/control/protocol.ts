/**
 * What goes over the local socket: JSON shapes under /v1. Both the server (in the sensor) and the client (in the
 * command line) speak through these, and the sensor's handlers are one object that is also callable in process.
 */

export type StopAuthor = "node" | "fleet" | "policy age";

/** GET /v1/status. */
export interface SensorStatus {
  version: string;
  pid: number;
  startedAt: string;
  /** Nothing is injected. */
  stopped: boolean;
  /** Who asks for that: a person on this node, the SensorFleet, or the age of what is known. */
  stoppedBy: readonly StopAuthor[];
  stopFile: string | undefined;
  workers: number;
  interfaces: readonly string[];
  packets: number;
  drops: number;
  flows: number;
  flowCapacity: number;
  policies: readonly { name: string; mode: string; state: string; message: string | undefined }[];
}

/** One endpoint of a flow as printed: IPv6 addresses bare. */
export interface Endpoint {
  ip: string;
  port: number;
}

/** One line of GET /v1/flows. */
export interface FlowLine {
  /** The same number as in events. */
  flow_id: number;
  client: Endpoint;
  server: Endpoint;
  state: string;
  /** Which side is the client was inferred, not seen. */
  inferred: boolean;
  ageMs: number;
  idleMs: number;
  /** Payload bytes. */
  bytesToServer: number;
  bytesToClient: number;
  packetsToServer: number;
  packetsToClient: number;
  interface: string;
  findings: readonly string[];
}

/** Query of GET /v1/flows. */
export interface FlowQuery {
  /** Lines at most; the server bounds it by MAX_FLOW_LINES. */
  limit: number;
  /** Address of either end. */
  ip?: string;
  /** Port of either end. */
  port?: number;
  state?: string;
}

/** What `FlowLine.state` can be. */
export const FLOW_STATES = ["SynSent", "SynReceived", "Established", "Closing", "Closed"] as const;

export const MAX_FLOW_LINES = 100_000;
export const DEFAULT_FLOW_LINES = 1_000;

/** POST /v1/reset: the spec of a (Cluster)FlowReset, validated by crds where the handler takes it. */
export interface ResetSpec {
  match: { client?: ResetEndpoint; server?: ResetEndpoint };
  target: "Client" | "Server" | "Both";
  /** Duration as in the objects: "60s", "0s". */
  hold: string;
  maxFlows: number;
  dryRun?: boolean;
  reason?: string;
}

export interface ResetEndpoint {
  ip?: string;
  cidr?: string;
  port?: number;
}

/** Lines of the answer to POST /v1/reset, in this order: one `matched`, a `flow` each as it is known, one `done`. */
export type ResetLine = ResetMatched | ResetFlow | ResetDone;

export interface ResetMatched {
  type: "matched";
  count: number;
}

export interface ResetFlow {
  type: "flow";
  flow_id: number;
  /** Its two initial sequence numbers, the lower first: no translation changes them. "" where its begin was not seen. */
  connection: string;
  client: Endpoint;
  server: Endpoint;
  interface: string;
  outcome: "Confirmed" | "Unconfirmed" | "Evaded" | "Failed" | "WouldReset";
  reason: string;
  /** With Failed: a guard held the reset back, and `reason` is its name. */
  suppressed: boolean;
  rsts: number;
  timeToFirstRstMicroseconds: number | null;
  timeToConfirmedMicroseconds: number | null;
  /** Second where another node's sensor was to act first. */
  actor: "first" | "second";
}

export interface ResetDone {
  type: "done";
  phase: "Succeeded" | "Failed";
  /** Why it failed: TooManyFlows, Stopped, ...; empty when it did not. */
  reason: string;
  message: string;
}

/** The sensor's side. Called on the main thread. */
export interface ControlHandlers {
  status(): SensorStatus | Promise<SensorStatus>;
  /** Ends when the table is walked or the query's limit is reached. */
  flows(query: FlowQuery): AsyncIterable<FlowLine> | Iterable<FlowLine>;
  /**
   * Takes parsed JSON of any shape; throws RequestError for a spec that is refused. `signal` aborts when nobody
   * listens any more: the resets go on, their outcomes need not be told.
   */
  reset(spec: unknown, signal: AbortSignal): AsyncIterable<ResetLine>;
  /** Emergency stop: nothing is injected after this returns. */
  stop(): void | Promise<void>;
  start(): void | Promise<void>;
}

/** A request that is refused: answered with this status and message. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "RequestError";
    this.status = status;
  }
}
