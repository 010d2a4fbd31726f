/**
 * A bounded set of short lines on the node's disk, each appended as it comes. It outlives the process without a flush; a
 * crash of the machine ends the connections, of which the lines speak, too.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeStateFolder } from "./stateFolder.ts";

export interface KeptLinesOptions {
  /** Undefined: remembered in this process only. */
  readonly directory: string | undefined;
  readonly name: string;
  /** Lines; the oldest is forgotten first. */
  readonly maximum: number;
  /** Characters of a line that can be ours. */
  readonly longest: number;
  readonly onFault: (error: Error) => void;
}

export class KeptLines {
  readonly #options: KeptLinesOptions;
  readonly #path: string | undefined;
  readonly #lines: Set<string>;
  /** Lines of the file. */
  #written = 0;
  /** The file has all that it should: nothing of it was refused by the disk, or cut. */
  #isWhole = true;

  constructor(options: KeptLinesOptions) {
    const { directory, name, maximum, longest } = options;
    this.#options = options;
    this.#path = directory === undefined ? undefined : join(directory, name);
    this.#lines = new Set(this.#path === undefined ? [] : linesOf(this.#path, longest).slice(-maximum));
    if (this.#path !== undefined) this.#rewrite(this.#path);
  }

  has(line: string): boolean {
    return this.#lines.has(line);
  }

  /** From the oldest on. */
  values(): IterableIterator<string> {
    return this.#lines.values();
  }

  /** A second time changes nothing. */
  add(line: string): void {
    if (this.#lines.has(line)) return;
    const { maximum } = this.#options;
    this.#lines.add(line);
    if (this.#lines.size > maximum) this.#lines.delete(this.#lines.values().next().value!);
    if (this.#path === undefined) return;
    // The file forgets as the memory does, now and then; behind a line that a full disk cut, none would be read.
    if (++this.#written > 2 * maximum || !this.#isWhole) this.#rewrite(this.#path);
    else this.#keep(() => appendFileSync(this.#path!, `${line}\n`, { mode: 0o600 }));
  }

  #rewrite(path: string): void {
    this.#written = this.#lines.size;
    this.#keep(() => {
      makeStateFolder(dirname(path));
      writeFileSync(`${path}.new`, [...this.#lines].map((line) => `${line}\n`).join(""), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    });
  }

  #keep(write: () => void): void {
    this.#isWhole = false;
    try {
      write();
      this.#isWhole = true;
    } catch (error) {
      this.#options.onFault(error as Error);
    }
  }
}

/** A last line without its end was cut by a crash and is told all the same: who reads it knows whether it says anything. */
function linesOf(path: string, longest: number): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter((line) => line !== "" && line.length <= longest);
  } catch {
    return [];
  }
}
