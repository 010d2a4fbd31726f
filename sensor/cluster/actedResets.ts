/**
 * Which FlowResets this sensor has acted on, by uid, on the node's disk: a sensor that starts again must not kill new
 * connections for an old request. A line is appended before the kill; it outlives the process without a flush, and a
 * crash of the machine ends the connections too.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MAX_ACTED } from "./limits.ts";
import { makeStateFolder } from "./stateFolder.ts";

export class ActedResets {
  readonly #path: string | undefined;
  readonly #onFault: (error: Error) => void;
  readonly #uids: Set<string>;
  /** Of the file. */
  #lines = 0;

  /** `directory` undefined: remembered in this process only. */
  constructor(directory: string | undefined, onFault: (error: Error) => void) {
    this.#path = directory === undefined ? undefined : join(directory, "acted");
    this.#onFault = onFault;
    this.#uids = new Set(this.#path === undefined ? [] : linesOf(this.#path).slice(-MAX_ACTED));
    if (this.#path !== undefined) this.#rewrite(this.#path);
  }

  has(uid: string): boolean {
    return this.#uids.has(uid);
  }

  add(uid: string): void {
    this.#uids.add(uid);
    if (this.#uids.size > MAX_ACTED) this.#uids.delete(this.#uids.values().next().value!);
    if (this.#path === undefined) return;
    // The file forgets as the memory does, now and then.
    if (++this.#lines > 2 * MAX_ACTED) this.#rewrite(this.#path);
    else this.#keep(() => appendFileSync(this.#path!, `${uid}\n`, { mode: 0o600 }));
  }

  #rewrite(path: string): void {
    this.#lines = this.#uids.size;
    this.#keep(() => {
      makeStateFolder(dirname(path));
      writeFileSync(`${path}.new`, [...this.#uids].map((uid) => `${uid}\n`).join(""), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    });
  }

  #keep(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#onFault(error as Error);
    }
  }
}

/** A last line without its end was cut by a crash and counts all the same: it names nothing, or what was about to be done. */
function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter((line) => line !== "" && line.length <= 64);
  } catch {
    return [];
  }
}
