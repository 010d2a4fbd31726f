/**
 * The emergency stop as a file: while it exists nothing is injected on this machine. It needs no socket, no sensor
 * and no program of ours: `touch` will do.
 */
import { rmSync, statSync, watch, writeFileSync } from "node:fs";
import type { FSWatcher } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "./folder.ts";

const POLL_MS = 50;

/** Whether the file is there. A path that cannot be looked at counts as stopped: not to inject is the safe mistake. */
export function isStopped(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ENOENT" && code !== "ENOTDIR";
  }
}

/** Throws when the file cannot be made. `now` and `who` are for the person who finds it. */
export function writeStopFile(path: string, who: string, now: Date): void {
  changing("write", path, () => {
    makeFolder(dirname(path));
    writeFileSync(path, `stopped ${now.toISOString()} by ${who}; flowreset start removes this file\n`, { mode: 0o644 });
  });
}

/** Whether there was one. Throws when it cannot be removed. */
export function removeStopFile(path: string): boolean {
  const present = isStopped(path);
  changing("remove", path, () => rmSync(path, { force: true }));
  return present;
}

/** Names the file and what was tried; keeps the system's word, by which callers tell a missing right. */
function changing(what: string, path: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw Object.assign(new Error(`Cannot ${what} the stop file ${path}: ${code}`, { cause: error }), { code });
  }
}

export interface StopFileWatch {
  readonly stopped: boolean;
  /** Looks now instead of at the next turn. */
  check(): void;
  close(): void;
}

/**
 * Calls `onChange` whenever the file comes or goes: at once where the folder can be watched, else within 50 ms.
 * The state at the start is in `stopped`, without a call. Does not keep the process alive.
 */
export function watchStopFile(path: string, onChange: (stopped: boolean) => void): StopFileWatch {
  let stopped = isStopped(path);
  const check = (): void => {
    const now = isStopped(path);
    if (now === stopped) return;
    stopped = now;
    onChange(now);
  };
  const poll = setInterval(check, POLL_MS);
  poll.unref();
  const watcher = watchFolder(dirname(path), check);
  return {
    get stopped() {
      return stopped;
    },
    check,
    close() {
      clearInterval(poll);
      watcher?.close();
    },
  };
}

/** Inotify watches may be used up and the folder may not exist yet: polling is enough then. */
function watchFolder(folder: string, check: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, check);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
