/**
 * FlowResets that come as files: each is run once, when it first appears. Which were run is remembered beside the
 * local socket: a sensor that starts again must not kill new connections for an old request. That memory does not
 * outlive the machine, and neither do the connections: what was written before the machine started is not run.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { identityOf } from "../crds/mod.ts";
import type { LoadedObject } from "../crds/mod.ts";
import { machineStartMs } from "./cluster/mod.ts";
import { fullName } from "./fullName.ts";
import type { PolicyKeeper } from "./policyKeeper.ts";
import type { Logger } from "./report/mod.ts";
import type { ResetBoard } from "./resetBoard.ts";

/** FlowResets that are remembered; the oldest is forgotten first. */
const MAX_REMEMBERED = 10_000;

export interface ResetFilesOptions {
  readonly keeper: PolicyKeeper;
  readonly board: ResetBoard;
  readonly log: Logger;
  /** The local socket, beside which the memory lies; undefined: in this process only. */
  readonly statePath: string | undefined;
  /** As the system tells, where it is left out. */
  readonly machineStartMs?: number;
}

export class ResetFiles {
  readonly #options: ResetFilesOptions;
  readonly #file: string | undefined;
  readonly #run: Set<string>;
  readonly #machineStartMs: number;

  constructor(options: ResetFilesOptions) {
    this.#options = options;
    this.#machineStartMs = options.machineStartMs ?? machineStartMs();
    this.#file = options.statePath === undefined ? undefined : join(dirname(options.statePath), "resets.json");
    this.#run = new Set(this.#file === undefined ? [] : remembered(this.#file));
  }

  /** All FlowResets that are written now; those that were not run yet are. */
  onResets(resets: readonly LoadedObject[]): void {
    let changed = false;
    for (const reset of resets) {
      const key = `${identityOf(reset)} ${reset.fingerprint}`;
      if (this.#run.has(key)) continue;
      this.#run.add(key);
      changed = true;
      if (this.#isOlderThanTheMachine(reset.file)) {
        this.#options.log.warn({ file: reset.file, flowReset: fullName(reset) }, "written before this machine started, so that it means connections that are gone: not run, change it to have it done");
      } else this.#start(reset);
    }
    if (changed) this.#remember();
  }

  /** By the time that nobody can set: a file copied with its old date is a new one. */
  #isOlderThanTheMachine(file: string): boolean {
    try {
      return statSync(file).ctimeMs < this.#machineStartMs;
    } catch {
      // Gone already: its last good version is in force, and was seen by this sensor.
      return false;
    }
  }

  #start(reset: LoadedObject): void {
    const { keeper, board, log } = this.#options;
    const { compiled, notes } = keeper.compileReset(reset);
    for (const { field, message } of notes) log.warn({ file: reset.file, field }, message);
    if (compiled.flowResetCount === 0) return;
    const name = fullName(reset);
    board.start(name, compiled, (line) => {
      if (line.type !== "done") return;
      const { phase, reason, message } = line;
      log[phase === "Succeeded" ? "info" : "warn"]({ flowReset: name, phase, ...(reason === "" ? {} : { reason }) }, message);
    });
  }

  #remember(): void {
    for (const key of this.#run) {
      if (this.#run.size <= MAX_REMEMBERED) break;
      this.#run.delete(key);
    }
    if (this.#file === undefined) return;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#file}.new`, JSON.stringify([...this.#run]), { mode: 0o600 });
      renameSync(`${this.#file}.new`, this.#file);
    } catch (error) {
      this.#options.log.warn({ err: error as Error }, "cannot remember which FlowResets were run: they run again when the sensor starts again");
    }
  }
}

function remembered(file: string): string[] {
  try {
    const keys: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [];
  } catch {
    return [];
  }
}
