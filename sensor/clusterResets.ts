/**
 * FlowResets of a cluster: each is run once, as soon as it is seen, with what became of it reported. What it holds
 * ends with its window, or when the object is deleted or finished; a sensor that starts again goes on holding.
 */
import { durationMs } from "../crds/mod.ts";
import type { LoadedObject } from "../crds/mod.ts";
import { CLOCK_TOLERANCE_MS, OBJECT_MAX_AGE_MS } from "./cluster/mod.ts";
import type { ActedResets, ClusterReset, HeldEnds, HeldEndsFile, PodOfNode, ResetResult } from "./cluster/mod.ts";
import type { ResetFlow } from "./control/mod.ts";
import { narrowed } from "./decide/mod.ts";
import type { ClusterView, CompiledPolicy } from "./decide/mod.ts";
import { fullName } from "./fullName.ts";
import type { PolicyKeeper } from "./policyKeeper.ts";
import type { Logger } from "./report/mod.ts";
import { spelled } from "./podsByAddress.ts";
import type { ResetBoard } from "./resetBoard.ts";
import type { HeldBetween } from "./resetRuns.ts";

/** A timer of Node.js holds no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Ends that are held again at the same time: each is a run on the board, and a Worker has room for some. */
const ENDS_AT_ONCE = 64;

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
  /** The pod of this node that has the address. */
  readonly podAt: (address: string) => Pick<PodOfNode, "uid" | "startedMs"> | undefined;
}

interface Run {
  /** On the board; more than one where several clients and servers are held again. */
  readonly numbers: number[];
  /** "" for one of the cluster. */
  readonly namespace: string;
  /** End of its window. */
  readonly timer: NodeJS.Timeout;
}

type ResetObject = Extract<LoadedObject, { kind: "FlowReset" | "ClusterFlowReset" }>;

/** Some of what one FlowReset holds again. */
interface Again {
  readonly uid: string;
  readonly object: ResetObject;
  readonly ends: readonly HeldEnds[];
}

interface Start {
  readonly uid: string;
  readonly object: ResetObject;
  readonly compiled: CompiledPolicy;
  /** End of the window, milliseconds since 1970. */
  readonly untilMs: number;
  /** For what is held already: when it has been looked at. */
  readonly onAgain?: () => void;
}

export class ClusterResets {
  readonly #options: ClusterResetsOptions;
  readonly #runs = new Map<string, Run>();
  /** What is held again when it is its turn. */
  readonly #again: Again[] = [];
  /** Ends whose turn it is. */
  #againUnderWay = 0;
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
    if (leftMs === undefined || this.#namesAnHeir(object, createdMs)) {
      this.tooOld++;
      return log.warn({ flowReset: fullName(object) }, "made too long ago for the connections of today: not run");
    }
    const wanted = leftMs < holdMs ? withHold(object, leftMs) : object;
    const compiled = this.#compile(uid, wanted);
    if (compiled === undefined) return;
    const number = this.#start({ uid, object: wanted, compiled, untilMs: nowMs() + leftMs });
    if (leftMs > 0) this.#follow(uid, object, [number], leftMs);
  }

  /** Deleted, or finished. */
  onGone(uid: string): void {
    const run = this.#runs.get(uid);
    if (run === undefined) return;
    clearTimeout(run.timer);
    this.#runs.delete(uid);
    for (const number of run.numbers) this.#options.board.release(number);
  }

  /** The fleet may have taken it back from a namespace to enforce anything. */
  onView({ enforceable }: Pick<ClusterView, "enforceable">): void {
    for (const [uid, { namespace }] of this.#runs) if (namespace !== "" && !enforceable(namespace)) this.onGone(uid);
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

  /** No sensor was here when it was made, and an address that it names has another pod by now. */
  #namesAnHeir(object: ResetObject, createdMs: number): boolean {
    return addressesOf(object).some((address) => (this.#options.podAt(address)?.startedMs ?? 0) > createdMs + CLOCK_TOLERANCE_MS);
  }

  /** Of a connection that nobody has seen one node asks, not the whole fleet. */
  #isOurs(object: ResetObject): boolean {
    return addressesOf(object).some((address) => this.#options.isOfNode(address));
  }

  /**
   * What this sensor held before it was stopped is held for the rest of the window: between the same ends, and only while
   * the same pods have those addresses. A connection that was made in between is one that would have been refused.
   */
  #holdAgain(uid: string, object: ResetObject, kept: readonly HeldEnds[]): void {
    const { nowMs, log } = this.#options;
    const ends = kept.filter(({ client, server, clientPod, serverPod, untilMs }) => untilMs > nowMs() && this.#podUidAt(client) === clientPod && this.#podUidAt(server) === serverPod);
    if (ends.length === 0) return;
    log.info({ flowReset: fullName(object), ends: ends.length }, "holding what an earlier sensor held");
    this.#follow(uid, object, [], this.#leftOf(object, ends[0]!));
    for (let first = 0; first < ends.length; first += ENDS_AT_ONCE) this.#again.push({ uid, object, ends: ends.slice(first, first + ENDS_AT_ONCE) });
    this.#holdNext();
  }

  /** Some at a time, each compiled for what is protected then; what ends meanwhile is not begun. */
  #holdNext(): void {
    while (this.#againUnderWay === 0) {
      const next = this.#again.shift();
      if (next === undefined) return;
      const { uid, ends } = next;
      const run = this.#runs.get(uid);
      const leftMs = this.#leftOf(next.object, ends[0]!);
      if (run === undefined || leftMs === 0) continue;
      const object = withHold(next.object, leftMs);
      const compiled = this.#compile(uid, object);
      if (compiled === undefined) continue;
      this.#againUnderWay = ends.length;
      const onAgain = (): void => {
        if (--this.#againUnderWay === 0) this.#holdNext();
      };
      for (const { client, server, serverPort, untilMs } of ends) run.numbers.push(this.#start({ uid, object, compiled: narrowed(compiled, client, server, serverPort), untilMs, onAgain }));
    }
  }

  #leftOf({ object: { spec } }: ResetObject, { untilMs }: HeldEnds): number {
    return Math.max(0, Math.min(durationMs(spec.hold), untilMs - this.#options.nowMs()));
  }

  #follow(uid: string, { namespace }: ResetObject, numbers: number[], leftMs: number): void {
    const timer = setTimeout(() => this.onGone(uid), Math.min(leftMs, LONGEST_TIMER_MS)).unref();
    this.#runs.set(uid, { numbers, namespace, timer });
  }

  /** Undefined where the object cannot be run, which is told. */
  #compile(uid: string, object: ResetObject): CompiledPolicy | undefined {
    const { keeper, log, onResult } = this.#options;
    const { compiled, notes } = keeper.compileReset(object);
    if (compiled.flowResetCount > 0) return compiled;
    const message = notes.map((note) => `${note.field}: ${note.message}`).join("; ");
    log.warn({ flowReset: fullName(object) }, message);
    const head = this.#headOf(uid, object);
    onResult({ ...head, phase: "Failed", reason: "NotSupported", message, matched: 0, flows: [], finishedAt: head.startedAt });
    return undefined;
  }

  #headOf(uid: string, { kind, namespace, name }: ResetObject): Pick<ResetResult, "uid" | "kind" | "namespace" | "name" | "startedAt"> {
    return { uid, kind, namespace, name, startedAt: new Date(this.#options.nowMs()).toISOString() };
  }

  /** Gives the run's number on the board. */
  #start({ uid, object, compiled, untilMs, onAgain }: Start): number {
    const { board, log, onResult, nowMs } = this.#options;
    const head = this.#headOf(uid, object);
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
        return onResult({ ...head, phase: "Active", matched, flows: [line] });
      }
      const isRefused = line.phase === "Failed" && flows.length === 0;
      log[line.phase === "Succeeded" ? "info" : "warn"]({ flowReset: fullName(object), phase: line.phase, ...(line.reason === "" ? {} : { reason: line.reason }) }, line.message);
      // What was said of it before stays true.
      if (!isRefused || onAgain === undefined) onResult({ ...head, phase: isRefused ? "Failed" : "Done", reason: line.reason, message: line.message, matched, flows: [], finishedAt: new Date(nowMs()).toISOString() });
      onAgain?.();
    }, onAgain === undefined && this.#isOurs(object), (between) => this.#keep(uid, between, untilMs));
  }

  #keep(uid: string, between: HeldBetween, untilMs: number): void {
    const { client, server, serverPort } = between;
    this.#options.held.keep({ uid, client, server, serverPort, clientPod: this.#podUidAt(client), serverPod: this.#podUidAt(server), untilMs });
  }

  /** "" where no pod of this node has the address. */
  #podUidAt(address: string): string {
    return this.#options.podAt(address)?.uid ?? "";
  }
}

function isReset(object: LoadedObject): object is ResetObject {
  return object.kind === "FlowReset" || object.kind === "ClusterFlowReset";
}

/** Of its ends that are named by one, spelled as packets have them. */
function addressesOf({ object: { spec: { match } } }: ResetObject): string[] {
  return [match.client?.ip, match.server?.ip].filter((ip) => ip !== undefined).map(spelled);
}

function withHold(reset: ResetObject, holdMs: number): ResetObject {
  return { ...reset, object: { ...reset.object, spec: { ...reset.object.spec, hold: `${Math.ceil(holdMs)}ms` } } } as ResetObject;
}
