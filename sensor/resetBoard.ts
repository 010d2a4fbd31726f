/**
 * FlowResets under way, over all Workers: gives each a number, joins what the Workers say, and knows when it is done.
 * Whoever asked (a file, the local socket) listens; nobody needs to.
 */
import type { ResetDone, ResetLine } from "./control/mod.ts";
import type { RunRecord } from "./workerMessages.ts";

/** Longest that a run may take: the proof of each flow is bounded by inject, this is for a Worker that died. */
const GIVE_UP_MS = 15_000;

interface Board {
  readonly tell: (line: ResetLine) => void;
  readonly timer: NodeJS.Timeout;
  waiting: number;
  matched: number;
  heard: number;
  failed: string;
  confirmed: number;
  would: number;
  flows: number;
}

export class ResetBoard {
  readonly #boards = new Map<number, Board>();
  #next = 1;

  get underWay(): number {
    return this.#boards.size;
  }

  /** The number of a new run that `workers` Workers answer. `tell` gets its lines, the last of type `done`. */
  open(workers: number, tell: (line: ResetLine) => void): number {
    const run = this.#next++;
    const timer = setTimeout(() => this.#close(run, "NoAnswer"), GIVE_UP_MS);
    timer.unref();
    this.#boards.set(run, { tell, timer, waiting: workers, matched: 0, heard: 0, failed: "", confirmed: 0, would: 0, flows: 0 });
    return run;
  }

  onRecord({ run, line }: RunRecord, workers: number): void {
    const board = this.#boards.get(run);
    if (board === undefined) return;
    if (line.type === "matched") {
      board.matched += line.count;
      if (++board.heard === workers) board.tell({ type: "matched", count: board.matched });
    } else if (line.type === "flow") {
      board.flows++;
      if (line.outcome === "Confirmed") board.confirmed++;
      if (line.outcome === "WouldReset") board.would++;
      board.tell(line);
    } else {
      if (line.failed !== "") board.failed = line.failed;
      if (--board.waiting === 0) this.#close(run, board.failed);
    }
  }

  #close(run: number, failed: string): void {
    const board = this.#boards.get(run)!;
    this.#boards.delete(run);
    clearTimeout(board.timer);
    board.tell(doneLine(board, failed));
  }
}

function doneLine({ matched, flows, confirmed, would }: Board, failed: string): ResetDone {
  if (failed !== "") return { type: "done", phase: "Failed", reason: failed, message: `${failed}: ${matched} connections matched` };
  if (flows === 0) return { type: "done", phase: "Succeeded", reason: "NothingMatched", message: "no connection matched" };
  if (would > 0) return { type: "done", phase: "Succeeded", reason: "WouldReset", message: `${would} of ${flows} connections would have been reset` };
  if (confirmed === flows) return { type: "done", phase: "Succeeded", reason: "", message: `${confirmed} of ${flows} connections proved dead` };
  return { type: "done", phase: "Failed", reason: "NotConfirmed", message: `${confirmed} of ${flows} connections proved dead` };
}
