/** The folder of the socket and the stop file. */
import { mkdirSync } from "node:fs";

/**
 * Makes the last folder of the path only, for this user alone. Not mkdir's `recursive`: Node 24 turns for ever
 * where a file system (/proc) answers ENOENT to every mkdir.
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
