/** What main thread and Workers say to each other beside shared memory: rare, and small. */
import type { CaptureFilter } from "./capture/mod.ts";
import type { FlowLine, FlowQuery } from "./control/mod.ts";
import type { CompiledPolicy } from "./decide/mod.ts";
import type { InjectRoute } from "./inject/mod.ts";
import type { FlowTimeouts } from "./flow/mod.ts";
import type { RunLine } from "./resetRuns.ts";

/** A packet Worker's first message. */
export interface WorkerStart {
  readonly worker: number;
  readonly compiled: CompiledPolicy;
  /** Of `compiled`: grows with every further one. */
  readonly generation: number;
  readonly labels: readonly number[];
  readonly labelNames: readonly [number, string][];
  readonly tableCapacity: number;
  readonly seed: number;
  readonly markKey: readonly number[];
  /** One word: not 0 while nothing may be injected. */
  readonly stop: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly records: SharedArrayBuffer;
  /** For a HomesReader; undefined where directions are not known. */
  readonly homes: SharedArrayBuffer | undefined;
  /** For Claims; undefined where there is one Worker. */
  readonly claims: SharedArrayBuffer | undefined;
  /** Of createBudgets(): what all Workers spend. */
  readonly budgets: SharedArrayBuffer;
  /** eventfd that ends a wait for packets. */
  readonly wakeHandle: number;
  readonly filter: CaptureFilter;
  readonly busyPollMicroseconds: number;
  readonly route: InjectRoute;
  /** SO_BINDTODEVICE of raw packets, "" for none. */
  readonly injectDevice: string;
  readonly interfaceNames: readonly [number, string][];
  readonly flowTimeouts: FlowTimeouts;
}

export type ToWorker =
  /** Of compileWarmUp(): once, when it captures. */
  | { readonly kind: "rehearse"; readonly policies: readonly CompiledPolicy[] }
  | { readonly kind: "policy"; readonly compiled: CompiledPolicy; readonly labels: readonly number[]; readonly labelNames: readonly [number, string][]; readonly generation: number; readonly flowTimeouts: FlowTimeouts }
  /** `route`: the interface to inject by is another one now, of the same name. */
  | { readonly kind: "interfaces"; readonly names: readonly [number, string][]; readonly filter: CaptureFilter; readonly route?: InjectRoute | undefined }
  | { readonly kind: "reset"; readonly run: number; readonly name: string; readonly compiled: CompiledPolicy }
  /** After every Worker has told what matches: act, but on what another Worker acts on; or forget it. */
  | { readonly kind: "resetGo"; readonly run: number; readonly spared: readonly string[] | "all"; readonly unseen: "no" | "hold" | "ask" }
  /** What it holds ends before its time. */
  | { readonly kind: "resetRelease"; readonly run: number }
  | { readonly kind: "flows"; readonly id: number; readonly query: FlowQuery }
  | { readonly kind: "stopped" }
  | { readonly kind: "end" };

export type FromWorker =
  /** It captures and acts. */
  | { readonly kind: "ready" }
  /** It has rehearsed: what it does is compiled. */
  | { readonly kind: "warm" }
  | { readonly kind: "policy"; readonly generation: number }
  | { readonly kind: "flows"; readonly id: number; readonly lines: readonly FlowLine[]; readonly isDone: boolean };

/** Kinds of records in the ring: an event line as it stands, or a line of a FlowReset's run as JSON. */
export const RecordKind = { Event: 1, Run: 2 } as const;

export interface RunRecord {
  readonly worker: number;
  readonly run: number;
  readonly line: RunLine;
}
