/** The files of a directory and what they say together; looks when it is told to. */
import type { Placement, Problem } from "../../crds/mod.ts";
import { listPolicyFiles, MAX_FILES, type DirectoryListing } from "./directoryListing.ts";
import { PolicyFile } from "./policyFile.ts";
import { codeOf } from "./readBounded.ts";
import { EMPTY_SNAPSHOT, saysTheSame, snapshotOf, type PolicySnapshot } from "./snapshot.ts";

/** A file that changes from look to look is taken as it is after so many of them. */
const MAX_LOOKS = 8;
/** In place of a stamp, for a file that is not there. */
const ABSENT = "absent";

interface Unsettled {
  readonly stamp: string;
  readonly looks: number;
}

export class PolicyDirectory {
  readonly path: string;
  /** Changes when the path leads to another directory; empty while it cannot be read. */
  identity = "";
  readonly #placement: Placement;
  #files = new Map<string, PolicyFile>();
  #unsettled = new Map<string, Unsettled>();
  #problems: Problem[] = [];
  #snapshot: PolicySnapshot = EMPTY_SNAPSHOT;

  constructor(path: string, placement: Placement) {
    this.path = path;
    this.#placement = placement;
  }

  /** Version 0 and empty before the first look. */
  get snapshot(): PolicySnapshot {
    return this.#snapshot;
  }

  /** True where a change was seen that the next look may take: look again soon. */
  get isUnsettled(): boolean {
    return this.#unsettled.size > 0;
  }

  /**
   * Looks for what changed; true where `snapshot` is a new one. The first look takes everything. Later ones take a
   * change, or a removal, when two looks in a row agree on it: a file just truncated by its writer, or moved aside by
   * an editor, must not put its policies out of force for a moment.
   */
  look(): boolean {
    let listing: DirectoryListing;
    try {
      listing = listPolicyFiles(this.path);
    } catch (error) {
      // A directory that is being replaced is not one without policies: everything stays in force.
      this.identity = "";
      this.#unsettled.clear();
      return this.#say([this.#problem(`Cannot read the directory, expected one that opens: current failure is ${codeOf(error)}`)], false);
    }
    this.identity = listing.identity;
    const problems = listing.refused === 0 ? [] : [this.#problem(`Cannot take more files, expected at most ${MAX_FILES}: current count is ${MAX_FILES + listing.refused}`)];
    return this.#say(problems, this.#follow(listing.stamps));
  }

  #follow(stamps: ReadonlyMap<string, string>): boolean {
    const before = this.#unsettled;
    this.#unsettled = new Map();
    let changed = false;
    const files = new Map<string, PolicyFile>();
    for (const path of [...new Set([...this.#files.keys(), ...stamps.keys()])].sort()) {
      const known = this.#files.get(path);
      const stamp = stamps.get(path) ?? ABSENT;
      const stays = stamp === (known?.stamp ?? ABSENT) || !this.#isSettled(path, stamp, before.get(path));
      if (stays && known !== undefined) files.set(path, known);
      if (stays) continue;
      if (stamp === ABSENT) {
        changed = true;
      } else {
        const file = known ?? new PolicyFile(path);
        files.set(path, file);
        if (file.reload(stamp, this.#placement)) changed = true;
      }
    }
    this.#files = files;
    return changed;
  }

  #isSettled(path: string, stamp: string, before: Unsettled | undefined): boolean {
    const looks = (before?.looks ?? 0) + 1;
    const settled = this.#snapshot.version === 0 || before?.stamp === stamp || looks > MAX_LOOKS;
    if (!settled) this.#unsettled.set(path, { stamp, looks });
    return settled;
  }

  #say(problems: Problem[], filesChanged: boolean): boolean {
    const first = this.#snapshot.version === 0;
    if (!first && !filesChanged && problems.length === 0 && this.#problems.length === 0) return false;
    this.#problems = problems;
    const next = snapshotOf({ files: [...this.#files.values()], problems, isReadable: this.identity !== "" }, this.#snapshot.version + 1);
    if (!first && saysTheSame(next, this.#snapshot)) return false;
    this.#snapshot = next;
    return true;
  }

  #problem(message: string): Problem {
    return { file: this.path, line: 1, column: 1, field: "", message };
  }
}
