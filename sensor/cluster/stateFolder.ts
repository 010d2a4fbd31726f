/** The folder on the node's disk. */
import { mkdirSync } from "node:fs";

/** Its last part only: with `recursive` Node 24 turns for ever where a file system (/proc) answers ENOENT to every mkdir. */
export function makeStateFolder(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
