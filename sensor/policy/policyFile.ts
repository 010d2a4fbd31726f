/** One file of the directory: what it says now, and its last good version, which stays in force while it is broken. */
import { createHash } from "node:crypto";
import { KINDS, parseDocuments, type Kind, type ParsedDocuments, type Placement, type Problem } from "../../crds/mod.ts";
import { readBounded } from "./readBounded.ts";

const NOTHING: ParsedDocuments = { objects: [], problems: [], notes: [] };

export class PolicyFile {
  readonly path: string;
  /** What stat said when the content was read last: see directoryListing.ts. Empty where it could not be read. */
  stamp = "";
  inForce: ParsedDocuments = NOTHING;
  /** Of the present content; empty where it is in force. */
  problems: readonly Problem[] = [];
  /** False until a first good version was read. */
  hasGood = false;
  /** Kinds that a broken content names, as far as its text shows; every kind where it cannot be read. */
  kindsSpokenOf: readonly Kind[] = [];
  #digest = "";

  constructor(path: string) {
    this.path = path;
  }

  /** Reads the file again; true where it says something else now. A broken file is refused as a whole. */
  reload(stamp: string, placement: Placement): boolean {
    let text: string;
    try {
      text = readBounded(this.path);
    } catch (error) {
      return this.#refuseUnread(error instanceof Error ? error.message : String(error));
    }
    this.stamp = stamp;
    const digest = createHash("sha256").update(text).digest("base64");
    if (digest === this.#digest) return false;
    this.#digest = digest;
    const parsed = parseDocuments(text, this.path, placement);
    this.problems = parsed.problems;
    if (parsed.problems.length === 0) {
      this.inForce = parsed;
      this.hasGood = true;
    } else {
      this.kindsSpokenOf = KINDS.filter((kind) => new RegExp(`\\b${kind}\\b`).test(text));
    }
    return true;
  }

  /** Leaves no stamp and no digest behind: the file is tried again at every look, and read anew when it opens. */
  #refuseUnread(message: string): boolean {
    this.stamp = "";
    this.#digest = "";
    if (this.problems.length === 1 && this.problems[0]!.message === message) return false;
    this.problems = [{ file: this.path, line: 1, column: 1, field: "", message }];
    this.kindsSpokenOf = KINDS;
    return true;
  }
}
