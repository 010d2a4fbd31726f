/**
 * FlowResets of a cluster: each is run once, as soon as it is seen, with what became of it reported. What it holds
 * ends with its window, or when the object is deleted or finished; a sensor that starts again goes on holding.
 */
import { durationMs } from "../crds/mod.ts";
import type { FlowResetSpec, LoadedObject } from "../crds/mod.ts";
import { CLOCK_TOLERANCE_MS, OBJECT_MAX_AGE_MS } from "./cluster/mod.ts";
import type { ActedResets, ClusterReset, HeldEnds, HeldEndsFile, ResetResult } from "./cluster/mod.ts";
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
  readonly held: Pick<HeldEndsFile, "keep" | "takeBack">;
  readonly log: Logger;
  readonly nowMs: () => number;
  /** Of the machine, as the clock tells: connections from before it are gone. */
  readonly machineStartMs: number;
  readonly onResult: (result: ResetResult) => void;
  /** Whether the address is of a pod of this node, or of the node. */
  readonly isOfNode: (address: string) => boolean;
  /** Of the pod of this node that has the address; "" where none has. */
  readonly podUidAt: (address: string) => string;
}

interface Run {
  /** On the board; more than one where several clients and servers are held again. */
  readonly numbers: readonly number[];
  /** End of its window. */
  readonly timer: NodeJS.Timeout;
}

type ResetObject = Extract<LoadedObject, { kind: "FlowReset" | "ClusterFlowReset" }>;

export class ClusterResets {
  readonly #options: ClusterResetsOptions;
  readonly #runs = new Map<string, Run>();
  /** FlowResets left alone because of their age, so far. */
  tooOld = 0;

  constructor(options: ClusterResetsOptions) {
    this.#options = options;
  }

  onReset({ uid, object, createdMs }: ClusterReset): void {
    const { acted, held, log, nowMs } = this.#options;
    if (!isReset(object)) return;
    if (acted.has(uid)) return this.#holdAgain(uid, object, held.takeBack(uid));
    const holdMs = durationMs(object.object.spec.hold);
    const leftMs = this.#leftMs(createdMs, holdMs);
    acted.add(uid);
    if (leftMs === undefined) {
      this.tooOld++;
      return log.warn({ flowReset: fullName(object) }, "made too long ago for the connections of today: not run");
    }
    const number = this.#start(uid, leftMs < holdMs ? withHold(object, leftMs) : object, nowMs() + leftMs);
    if (number !== undefined && leftMs > 0) this.#follow(uid, [number], leftMs);
  }

  /** Deleted, or finished. */
  onGone(uid: string): void {
    const run = this.#runs.get(uid);
    if (run === undefined) return;
    clearTimeout(run.timer);
    this.#runs.delete(uid);
    for (const number of run.numbers) this.#options.board.release(number);
  }

  close(): void {
    for (const { timer } of this.#runs.values()) clearTimeout(timer);
    this.#runs.clear();
  }

  /** How much of its window is left; undefined where it speaks of connections that are gone. */
  #leftMs(createdMs: number, holdMs: number): number | undefined {
    const { nowMs, machineStartMs } = this.#options;
    const ageMs = Math.max(0, nowMs() - createdMs);
    if (ageMs <= CLOCK_TOLERANCE_MS) return holdMs;
    if (holdMs === 0) return ageMs <= OBJECT_MAX_AGE_MS && createdMs >= machineStartMs ? 0 : undefined;
    return ageMs < holdMs ? holdMs - ageMs : undefined;
  }

  /** Of a connection that nobody has seen one node asks, not the whole fleet. */
  #isOurs(object: ResetObject): boolean {
    const { client, server } = object.object.spec.match;
    return [client?.ip, server?.ip].some((ip) => ip !== undefined && this.#options.isOfNode(ip));
  }

  /**
   * What this sensor held before it was stopped is held for the rest of the window: between the same ends, and only while
   * the same pods have those addresses. A connection that was made in between is one that would have been refused.
   */
  #holdAgain(uid: string, object: ResetObject, kept: readonly HeldEnds[]): void {
    const { nowMs, podUidAt, log } = this.#options;
    const ends = kept.filter(({ client, server, clientPod, serverPod, untilMs }) => untilMs > nowMs() && podUidAt(client) === clientPod && podUidAt(server) === serverPod);
    if (ends.length === 0) return;
    const leftMs = Math.min(durationMs(object.object.spec.hold), ends[0]!.untilMs - nowMs());
    const numbers = ends.map((end) => this.#start(uid, withEnds(withHold(object, leftMs), end), end.untilMs, true)).filter((number) => number !== undefined);
    log.info({ flowReset: fullName(object), ends: ends.length }, "holding what an earlier sensor held");
    this.#follow(uid, numbers, leftMs);
  }

  #follow(uid: string, numbers: readonly number[], leftMs: number): void {
    const timer = setTimeout(() => this.onGone(uid), Math.min(leftMs, LONGEST_TIMER_MS)).unref();
    this.#runs.set(uid, { numbers, timer });
  }

  /** `isAgain`: for what is held already. @returns the run's number on the board; undefined where the object cannot be run. */
  #start(uid: string, object: ResetObject, untilMs: number, isAgain = false): number | undefined {
    const { keeper, board, log, onResult, nowMs } = this.#options;
    const { kind, namespace, name } = object;
    const startedAt = new Date(nowMs()).toISOString();
    const head = { uid, kind, namespace, name, startedAt };
    const { compiled, notes } = keeper.compileReset(object);
    if (compiled.flowResetCount === 0) {
      const message = notes.map((note) => `${note.field}: ${note.message}`).join("; ");
      log.warn({ flowReset: fullName(object) }, message);
      onResult({ ...head, phase: "Failed", reason: "NotSupported", message, matched: 0, flows: [], finishedAt: startedAt });
      return undefined;
    }
    const flows: ResetFlow[] = [];
    let matched = 0;
    return board.start(fullName(object), compiled, (line) => {
      if (line.type === "matched") {
        matched = line.count;
        if (matched > 0) onResult({ ...head, phase: "Active", matched, flows: [] });
        return;
      }
      if (line.type === "flow") {
        flows.push(line);
        if (!line.suppressed && line.outcome !== "WouldReset") this.#keep(uid, object, line.client.ip, line.server.ip, line.server.port, untilMs);
        return onResult({ ...head, phase: "Active", matched, flows: [line] });
      }
      const isRefused = line.phase === "Failed" && flows.length === 0;
      const { client, server } = object.object.spec.match;
      if (!isRefused && flows.length === 0) this.#keep(uid, object, client?.ip, server?.ip, server?.port, untilMs);
      log[line.phase === "Succeeded" ? "info" : "warn"]({ flowReset: fullName(object), phase: line.phase, ...(line.reason === "" ? {} : { reason: line.reason }) }, line.message);
      // What was said of it before stays true.
      if (isRefused && isAgain) return;
      onResult({ ...head, phase: isRefused ? "Failed" : "Done", reason: line.reason, message: line.message, matched, flows: [], finishedAt: new Date(nowMs()).toISOString() });
    }, !isAgain && this.#isOurs(object));
  }

  /** A hold is between two ends, whether a connection was there or the object names them. */
  #keep(uid: string, { object: { spec } }: ResetObject, client: string | undefined, server: string | undefined, serverPort: number | undefined, untilMs: number): void {
    if (durationMs(spec.hold) === 0 || spec.dryRun || client === undefined || server === undefined || serverPort === undefined) return;
    const { held, podUidAt } = this.#options;
    held.keep({ uid, client, server, serverPort, clientPod: podUidAt(client), serverPod: podUidAt(server), untilMs });
  }
}

function isReset(object: LoadedObject): object is ResetObject {
  return object.kind === "FlowReset" || object.kind === "ClusterFlowReset";
}

function withHold(reset: ResetObject, holdMs: number): ResetObject {
  return withSpec(reset, { hold: `${Math.ceil(holdMs)}ms` });
}

/** What else the object says of its ends still has to be so: where it names a client's port, others of that client were spared. */
function withEnds(reset: ResetObject, { client, server, serverPort }: HeldEnds): ResetObject {
  const { match } = reset.object.spec;
  return withSpec(reset, {
    match: { ...match, client: { ...match.client, cidr: undefined, ip: client }, server: { ...match.server, cidr: undefined, ip: server, port: serverPort } },
  });
}

function withSpec(reset: ResetObject, changes: Partial<FlowResetSpec>): ResetObject {
  return { ...reset, object: { ...reset.object, spec: { ...reset.object.spec, ...changes } } } as ResetObject;
}
