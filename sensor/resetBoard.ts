/**
 * FlowResets under way, over all Workers: gives each a number, joins what the Workers say, and knows when it is done.
 * Whoever asked (a file, the local socket) listens; nobody needs to.
 */
import type { ResetDone, ResetLine } from "./control/mod.ts";
import { FlowResetField, flowResetIsExact } from "./decide/mod.ts";
import type { CompiledPolicy } from "./decide/mod.ts";
import type { HeldBetween } from "./resetRuns.ts";
import type { RunRecord, ToWorker } from "./workerMessages.ts";

/** Longest that a run may take: the proof of each flow is bounded by inject, this is for a Worker that died. */
const GIVE_UP_MS = 15_000;

interface Board {
  readonly tell: (line: ResetLine) => void;
  readonly onHeld: (between: HeldBetween) => void;
  readonly timer: NodeJS.Timeout;
  readonly maxFlows: number;
  /** It names one connection, which can be asked for though nobody has seen it: by the Worker that hears the answers. */
  readonly isExact: boolean;
  readonly asker: number;
  /** By Worker, what it has matched; undefined until it has said so. */
  readonly matched: (readonly string[] | undefined)[];
  started: boolean;
  /** It is to hold nothing any more: whoever is told so before he holds would hold for the whole window. */
  isReleased: boolean;
  /** Connections, each once. */
  count: number;
  waiting: number;
  failed: string;
  /** Seen at other interfaces than the tenant's pods' own, over all Workers. */
  leftAlone: number;
  confirmed: number;
  would: number;
  flows: number;
}

/** What the board needs of the Workers. */
export interface ResetWorkers {
  readonly count: number;
  postTo(worker: number, message: ToWorker): void;
}

/** Which Worker sees the packets between two addresses. */
export type WorkerBetween = (client: Int32Array, server: Int32Array) => number;

export class ResetBoard {
  readonly #workers: () => ResetWorkers;
  readonly #workerBetween: WorkerBetween;
  readonly #boards = new Map<number, Board>();
  #next = 1;

  constructor(workers: () => ResetWorkers, workerBetween: WorkerBetween) {
    this.#workers = workers;
    this.#workerBetween = workerBetween;
  }

  get underWay(): number {
    return this.#boards.size;
  }

  /**
   * Has all Workers do it. `compiled` holds this one FlowReset. `tell` gets the run's lines, the last of type `done`.
   * Returns the run's number, by which what it holds can be ended. `isOurs` false: it names ends that are not of this
   * node, so that nobody here asks for a connection that none has seen. `onHeld` hears of what is held, before the end
   * is told.
   */
  start(name: string, compiled: CompiledPolicy, tell: (line: ResetLine) => void, isOurs = true, onHeld: Board["onHeld"] = () => {}): number {
    const run = this.#next++;
    const workers = this.#workers();
    const timer = setTimeout(() => this.#close(run, "NoAnswer"), GIVE_UP_MS);
    timer.unref();
    const maxFlows = compiled.flowResets[FlowResetField.MaxFlows]!;
    const isExact = isOurs && flowResetIsExact(compiled, 0);
    const endpoint = (at: number): Int32Array => compiled.flowResets.slice(at, at + 4);
    const asker = isExact ? this.#workerBetween(endpoint(FlowResetField.Client), endpoint(FlowResetField.Server)) : -1;
    this.#boards.set(run, { tell, onHeld, timer, maxFlows, isExact, asker, matched: Array.from({ length: workers.count }), started: false, isReleased: false, count: 0, waiting: workers.count, failed: "", leftAlone: 0, confirmed: 0, would: 0, flows: 0 });
    for (let worker = 0; worker < workers.count; worker++) workers.postTo(worker, { kind: "reset", run, name, compiled });
    return run;
  }

  /** New connections that the run would refuse are let through from now on. */
  release(run: number): void {
    const workers = this.#workers();
    const board = this.#boards.get(run);
    if (board !== undefined) board.isReleased = true;
    for (let worker = 0; worker < workers.count; worker++) workers.postTo(worker, { kind: "resetRelease", run });
  }

  onRecord({ worker, run, line }: RunRecord): void {
    const board = this.#boards.get(run);
    if (board === undefined) return;
    if (line.type === "matched") {
      board.matched[worker] = line.connections;
      board.leftAlone += line.leftAlone ?? 0;
      this.#go(run, board);
    } else if (line.type === "flow") {
      board.flows++;
      if (line.outcome === "Confirmed") board.confirmed++;
      if (line.outcome === "WouldReset") board.would++;
      board.tell(line);
    } else if (line.type === "held") {
      const { type: _, ...between } = line;
      board.onHeld(between);
    } else {
      if (line.failed !== "") board.failed = line.failed;
      board.matched[worker] ??= [];
      board.waiting--;
      this.#go(run, board);
      if (board.waiting === 0) this.#close(run, board.failed);
    }
  }

  /** When every Worker has said what matches: nothing is sent before, and nothing where it is too much. */
  #go(run: number, board: Board): void {
    if (board.started || board.matched.includes(undefined)) return;
    board.started = true;
    const workers = this.#workers();
    const known = new Set<string>();
    let count = 0;
    const spared = board.matched.map((connections) => {
      const others = connections!.filter((connection) => connection !== "" && known.has(connection));
      count += connections!.length - others.length;
      for (const connection of connections!) known.add(connection);
      return others;
    });
    board.count = count === 0 && board.isExact ? 1 : count;
    const tooMany = count > board.maxFlows;
    board.tell({ type: "matched", count: board.count });
    for (let worker = 0; worker < workers.count; worker++) {
      // A connection to hold may come to any Worker under another tuple.
      const unseen = count > 0 ? "no" : worker === board.asker ? "ask" : "hold";
      workers.postTo(worker, { kind: "resetGo", run, spared: tooMany ? "all" : spared[worker]!, unseen });
    }
    if (board.isReleased) this.release(run);
    if (tooMany) this.#close(run, "TooManyFlows");
  }

  #close(run: number, failed: string): void {
    const board = this.#boards.get(run)!;
    this.#boards.delete(run);
    clearTimeout(board.timer);
    board.tell(doneLine(board, failed));
  }
}

function doneLine({ count, flows, leftAlone, confirmed, would }: Board, failed: string): ResetDone {
  if (failed !== "") return { type: "done", phase: "Failed", reason: failed, message: `${failed}: ${count} connections matched` };
  if (flows === 0) return { type: "done", phase: "Succeeded", reason: "NothingMatched", message: `no connection matched${leftAlone === 0 ? "" : `; ${leftAlone} were left alone, seen at no pod of this namespace`}` };
  if (would > 0) return { type: "done", phase: "Succeeded", reason: "WouldReset", message: `${would} of ${flows} connections would have been reset` };
  if (confirmed === flows) return { type: "done", phase: "Succeeded", reason: "", message: `${confirmed} of ${flows} connections proved dead` };
  return { type: "done", phase: "Failed", reason: "NotConfirmed", message: `${confirmed} of ${flows} connections proved dead` };
}
