/**
 * FlowResets of a cluster: each is run once, as soon as it is seen, with what became of it reported. What it holds
 * ends with its window, or when the object is deleted or finished.
 */
import { durationMs } from "../crds/mod.ts";
import type { LoadedObject } from "../crds/mod.ts";
import { CLOCK_TOLERANCE_MS, OBJECT_MAX_AGE_MS } from "./cluster/mod.ts";
import type { ActedResets, ClusterReset, ResetResult } from "./cluster/mod.ts";
import type { ResetFlow } from "./control/mod.ts";
import { fullName } from "./fullName.ts";
import type { PolicyKeeper } from "./policyKeeper.ts";
import type { Logger } from "./report/mod.ts";
import type { ResetBoard } from "./resetBoard.ts";

/** A timer of Node.js holds no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface ClusterResetsOptions {
  readonly keeper: Pick<PolicyKeeper, "compileReset">;
  readonly board: Pick<ResetBoard, "start" | "release">;
  readonly acted: Pick<ActedResets, "has" | "add">;
  readonly log: Logger;
  readonly nowMs: () => number;
  /** Of the machine, as the clock tells: connections from before it are gone. */
  readonly machineStartMs: number;
  readonly onResult: (result: ResetResult) => void;
  /** Whether the address is of a pod of this node, or of the node. */
  readonly isOfNode: (address: string) => boolean;
}

interface Run {
  readonly number: number;
  /** End of its window. */
  readonly timer: NodeJS.Timeout | undefined;
}

export class ClusterResets {
  readonly #options: ClusterResetsOptions;
  readonly #runs = new Map<string, Run>();
  /** FlowResets left alone because of their age, so far. */
  tooOld = 0;

  constructor(options: ClusterResetsOptions) {
    this.#options = options;
  }

  onReset(reset: ClusterReset): void {
    const { acted, log, nowMs } = this.#options;
    if (acted.has(reset.uid)) return;
    const holdMs = windowMs(reset.object);
    const leftMs = this.#leftMs(reset, holdMs);
    acted.add(reset.uid);
    if (leftMs === undefined) {
      this.tooOld++;
      return log.warn({ flowReset: fullName(reset.object) }, "made too long ago for the connections of today: not run");
    }
    this.#start(reset, leftMs < holdMs ? withHold(reset.object, leftMs) : reset.object, leftMs, new Date(nowMs()).toISOString());
  }

  /** Deleted, or finished. */
  onGone(uid: string): void {
    const run = this.#runs.get(uid);
    if (run === undefined) return;
    clearTimeout(run.timer);
    this.#runs.delete(uid);
    this.#options.board.release(run.number);
  }

  close(): void {
    for (const { timer } of this.#runs.values()) clearTimeout(timer);
    this.#runs.clear();
  }

  /** How much of its window is left; undefined where it speaks of connections that are gone. */
  #leftMs({ createdMs }: ClusterReset, holdMs: number): number | undefined {
    const { nowMs, machineStartMs } = this.#options;
    const ageMs = Math.max(0, nowMs() - createdMs);
    if (ageMs <= CLOCK_TOLERANCE_MS) return holdMs;
    if (holdMs === 0) return ageMs <= OBJECT_MAX_AGE_MS && createdMs >= machineStartMs ? 0 : undefined;
    return ageMs < holdMs ? holdMs - ageMs : undefined;
  }

  /** Of a connection that nobody has seen one node asks, not the whole fleet. */
  #isOurs(object: LoadedObject): boolean {
    if (object.kind !== "FlowReset" && object.kind !== "ClusterFlowReset") return false;
    const { client, server } = object.object.spec.match;
    return [client?.ip, server?.ip].some((ip) => ip !== undefined && this.#options.isOfNode(ip));
  }

  #start({ uid }: ClusterReset, object: LoadedObject, holdMs: number, startedAt: string): void {
    const { keeper, board, log, onResult, nowMs } = this.#options;
    const { kind, namespace, name } = object as LoadedObject & { kind: ResetResult["kind"] };
    const head = { uid, kind, namespace, name, startedAt };
    const { compiled, notes } = keeper.compileReset(object);
    if (compiled.flowResetCount === 0) {
      const message = notes.map((note) => `${note.field}: ${note.message}`).join("; ");
      log.warn({ flowReset: fullName(object) }, message);
      return onResult({ ...head, phase: "Failed", reason: "NotSupported", message, matched: 0, flows: [], finishedAt: startedAt });
    }
    const flows: ResetFlow[] = [];
    let matched = 0;
    let ended = false;
    const number = board.start(fullName(object), compiled, (line) => {
      if (line.type === "matched") matched = line.count;
      else if (line.type === "flow") flows.push(line);
      else ended = true;
      if (line.type === "matched" && line.count > 0) onResult({ ...head, phase: "Active", matched, flows: [] });
      if (line.type === "flow") onResult({ ...head, phase: "Active", matched, flows: [line] });
      if (line.type !== "done") return;
      const isRefused = line.phase === "Failed" && flows.length === 0;
      log[line.phase === "Succeeded" ? "info" : "warn"]({ flowReset: fullName(object), phase: line.phase, ...(line.reason === "" ? {} : { reason: line.reason }) }, line.message);
      onResult({ ...head, phase: isRefused ? "Failed" : "Done", reason: line.reason, message: line.message, matched, flows: [], finishedAt: new Date(nowMs()).toISOString() });
      if (holdMs === 0) this.#runs.delete(uid);
    }, this.#isOurs(object));
    if (ended && holdMs === 0) return;
    const timer = holdMs === 0 ? undefined : setTimeout(() => this.onGone(uid), Math.min(holdMs, LONGEST_TIMER_MS)).unref();
    this.#runs.set(uid, { number, timer });
  }
}

function windowMs(reset: LoadedObject): number {
  return reset.kind === "FlowReset" || reset.kind === "ClusterFlowReset" ? durationMs(reset.object.spec.hold) : 0;
}

function withHold(reset: LoadedObject, holdMs: number): LoadedObject {
  if (reset.kind !== "FlowReset" && reset.kind !== "ClusterFlowReset") return reset;
  const spec = { ...reset.object.spec, hold: `${Math.ceil(holdMs)}ms` };
  return { ...reset, object: { ...reset.object, spec } } as LoadedObject;
}
