/**
 * What V8 made of this program's files, kept for the next start where the surroundings name a folder for it
 * (NODE_COMPILE_CACHE; on a node, beside the last good state): a quarter of the time to load is saved then. Node.js writes it
 * when a program ends, which one that is killed never does.
 */
import { readdirSync, rmSync } from "node:fs";
import { flushCompileCache, getCompileCacheDir } from "node:module";
import { basename, dirname, join } from "node:path";

/** Folders of Node.js's own in it: of a version, an architecture, a processor's features and a user. */
const OF_NODE = /^v\d+\.\d+\.\d+-/;

/** Writes what is new; what another version of Node.js has left goes. Nothing happens where no folder is named. */
export function keepCompileCache(): void {
  const own = getCompileCacheDir();
  if (own === undefined) return;
  flushCompileCache();
  try {
    const others = readdirSync(dirname(own)).filter((name) => OF_NODE.test(name) && name !== basename(own));
    for (const name of others) rmSync(join(dirname(own), name), { recursive: true, force: true });
  } catch {
    // A full or read-only disk: the next start is as slow as the first.
  }
}
