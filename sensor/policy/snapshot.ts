/** What is in force at one moment, and what is said of it. */
import { identityOf, type Kind, type LoadedObject, type Note, type Problem } from "../../crds/mod.ts";
import type { PolicyFile } from "./policyFile.ts";

/** Objects of all files together; what comes after is refused and told. */
const MAX_OBJECTS = 50_000;
/** Problems and notes of all files together, each. */
const MAX_REMARKS = 1_000;

export interface PolicySnapshot {
  /** In the order of file names, then of lines. No two share kind, namespace and name. */
  readonly objects: readonly LoadedObject[];
  readonly problems: readonly Problem[];
  readonly notes: readonly Note[];
  /** From 1, one more with every snapshot of a source. */
  readonly version: number;
  /** Broken files of which the last good version stays in force. */
  readonly stale: readonly string[];
  /**
   * Broken files of which nothing is in force (there never was a good version), with the kinds they speak of. Where
   * settingsMissing(), enforce nothing.
   */
  readonly withheld: readonly WithheldFile[];
  /** False while the directory itself cannot be read: everything that was in force stays. */
  readonly isReadable: boolean;
}

/** Before anything is read, or where there is no directory. */
export const EMPTY_SNAPSHOT: PolicySnapshot = { objects: [], problems: [], notes: [], version: 0, stale: [], withheld: [], isReadable: true };

export interface WithheldFile {
  readonly file: string;
  readonly kinds: readonly Kind[];
}

export interface SnapshotParts {
  readonly files: readonly PolicyFile[];
  /** Of the directory itself. */
  readonly problems: readonly Problem[];
  readonly isReadable: boolean;
}

/** Whether protections are missing that somebody wrote: SensorSettings that cannot be read, and never could. */
export function settingsMissing({ withheld }: Pick<PolicySnapshot, "withheld">): boolean {
  return withheld.some(({ kinds }) => kinds.includes("SensorSettings"));
}

/** One snapshot of many files. Of an object written twice the first by file name counts. */
export function snapshotOf({ files, problems: directoryProblems, isReadable }: SnapshotParts, version: number): PolicySnapshot {
  const byIdentity = new Map<string, LoadedObject>();
  const problems: Problem[] = [...directoryProblems];
  const notes: Note[] = [];
  const stale: string[] = [];
  const withheld: WithheldFile[] = [];
  let refused = 0;
  for (const file of files) {
    problems.push(...file.problems);
    notes.push(...file.inForce.notes);
    if (file.problems.length > 0 && file.hasGood) stale.push(file.path);
    else if (file.problems.length > 0) withheld.push({ file: file.path, kinds: file.kindsSpokenOf });
    for (const object of file.inForce.objects) {
      const identity = identityOf(object);
      const first = byIdentity.get(identity);
      if (first !== undefined) problems.push(writtenTwice(object, first));
      else if (byIdentity.size >= MAX_OBJECTS) refused++;
      else byIdentity.set(identity, object);
    }
  }
  if (refused > 0) {
    problems.unshift({ file: files[0]!.path, line: 1, column: 1, field: "", message: `Cannot take more objects, expected at most ${MAX_OBJECTS}: current count is ${MAX_OBJECTS + refused}` });
  }
  return { objects: [...byIdentity.values()], problems: problems.slice(0, MAX_REMARKS), notes: notes.slice(0, MAX_REMARKS), version, stale, withheld, isReadable };
}

/** Whether two snapshots say the same, whatever their versions. */
export function saysTheSame(left: PolicySnapshot, right: PolicySnapshot): boolean {
  return JSON.stringify({ ...left, version: 0 }) === JSON.stringify({ ...right, version: 0 });
}

function writtenTwice(object: LoadedObject, first: LoadedObject): Problem {
  const { file, line, kind, name } = object;
  const field = kind === "SensorSettings" ? "kind" : "metadata.name";
  const message = `Cannot use one object in two files, expected ${identityOf(object)} in ${first.file} only (line ${first.line}, which counts): current name is ${JSON.stringify(name)}`;
  return { file, line, column: 1, field, message };
}
