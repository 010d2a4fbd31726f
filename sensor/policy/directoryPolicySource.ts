/**
 * Policies from a directory that is watched. The kernel's word (inotify) makes it quick; a look at every file's stat
 * a few times a second makes it sure, where inotify cannot tell (network file systems, links to files elsewhere).
 */
import { watch, type FSWatcher } from "node:fs";
import type { Placement } from "../../crds/mod.ts";
import { PolicyDirectory } from "./policyDirectory.ts";
import type { PolicySnapshot } from "./snapshot.ts";

/** From the first event of a burst, or from a look that saw a change, to the next look. */
const SETTLE_MS = 50;
const POLL_MS = 300;
/** A look at thousands of files takes its time: polling takes at most a twentieth of a processor, and looks once in this time. */
const LONGEST_POLL_MS = 800;
const POLL_SHARE = 20;

export interface DirectorySourceOptions extends Placement {
  readonly directory: string;
}

export type PolicyListener = (snapshot: PolicySnapshot) => void;

export class DirectoryPolicySource {
  readonly #directory: PolicyDirectory;
  #listener: PolicyListener | undefined;
  #watcher: FSWatcher | undefined;
  #watchedIdentity = "";
  #poll: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;

  constructor({ directory, ...placement }: DirectorySourceOptions) {
    this.#directory = new PolicyDirectory(directory, placement);
  }

  /** Loads, tells the listener at once, and again whenever what the files say changes, until close(). */
  start(listener: PolicyListener): void {
    if (this.#listener !== undefined) throw new Error(`Cannot start a policy source twice: current directory is ${this.#directory.path}`);
    this.#listener = listener;
    this.#look();
    this.#pollAfter(POLL_MS);
  }

  get snapshot(): PolicySnapshot {
    return this.#directory.snapshot;
  }

  close(): void {
    this.#listener = undefined;
    clearTimeout(this.#poll);
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#unwatch();
  }

  #look(): void {
    const changed = this.#directory.look();
    if (this.#directory.identity !== this.#watchedIdentity) {
      this.#watchAgain();
      // What happened between the look and the watch told nobody.
      this.#lookSoon();
    }
    if (this.#directory.isUnsettled) this.#lookSoon();
    if (changed) this.#listener?.(this.#directory.snapshot);
  }

  #lookSoon(): void {
    if (this.#listener === undefined || this.#soon !== undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#look();
    }, SETTLE_MS);
  }

  #pollAfter(delayMs: number): void {
    this.#poll = setTimeout(() => {
      const startMs = performance.now();
      // Where a look is due soon, two looks in a row must not fall together: see PolicyDirectory.look().
      if (this.#soon === undefined) this.#look();
      const costMs = performance.now() - startMs;
      if (this.#listener !== undefined) this.#pollAfter(Math.min(LONGEST_POLL_MS, Math.max(POLL_MS, POLL_SHARE * costMs)));
    }, delayMs);
  }

  #watchAgain(): void {
    this.#unwatch();
    this.#watchedIdentity = this.#directory.identity;
    if (this.#watchedIdentity === "") return;
    try {
      this.#watcher = watch(this.#directory.path, () => this.#lookSoon());
      this.#watcher.on("error", () => this.#unwatch());
    } catch {
      // No watch to be had (the kernel's limit on them, say): polling alone still keeps the promise of a second.
      this.#watcher = undefined;
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

/** The policies of a directory as they are now, not watched: for replay and for checks. */
export function loadPolicyDirectory({ directory, ...placement }: DirectorySourceOptions): PolicySnapshot {
  const once = new PolicyDirectory(directory, placement);
  once.look();
  return once.snapshot;
}
