/**
 * Once the sensor watches, what only its start needed is given back: the garbage of loading and compiling, free pages
 * of the C heap, and the pages of Node.js itself (its parser, compilers and snapshot) that nobody needs while packets
 * are all there is to do. In the main thread only: a collection in a Worker would throw compiled code away (V8 drops
 * what it knew of objects that died), and the first attack would pay for it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadNative } from "./native/mod.ts";

/** What starts with the sensor has come to rest. */
const AFTER_MS = 2_000;

/** Ends the wait for it when disposed. */
export function releaseStartMemory(): Disposable {
  const timer = setTimeout(() => {
    collectGarbage();
    loadNative().releaseMemory();
  }, AFTER_MS).unref();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** "last-resort" also gives V8's reserves back. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
