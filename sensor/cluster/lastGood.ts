/**
 * The objects of the API server as they are in force: each judged by the schema, and of one that is broken the last
 * good version. What got past admission (an older CRD, a stored object of yesterday) is named and harms nobody else.
 */
import { formatPath, identityOf, validate } from "../../crds/mod.ts";
import type { Fault, Kind, LoadedObject, Placement, Remark } from "../../crds/mod.ts";
import { MAX_FAILURES, MAX_OBJECTS } from "./limits.ts";

/** An object of the API server as far as it is read here. */
export interface WatchedObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string; readonly generation?: number };
}

/** Of an object that is not in force, or not wholly. */
export interface ObjectFailure {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  /** Names the field. */
  readonly message: string;
}

interface Entry {
  /** As the API server has it now. */
  current: WatchedObject;
  faults: readonly Fault[];
  notes: readonly Fault[];
  good: LoadedObject | undefined;
  /** The object that `good` was made of, for the disk. */
  goodSource: WatchedObject | undefined;
}

export class LastGoodObjects {
  readonly #placement: Placement;
  readonly #entries = new Map<string, Entry>();
  /** Objects beyond the limit. */
  refused = 0;

  constructor(check: Placement["check"]) {
    this.#placement = { standalone: false, ...(check === undefined ? {} : { check }) };
  }

  /** Takes an object as it is now; true where what is in force, or said of it, may have changed. */
  take(object: WatchedObject): boolean {
    const identity = identityOf(nameOf(object));
    const known = this.#entries.get(identity);
    if (known !== undefined && isSameVersion(known.current, object)) {
      known.current = object;
      return false;
    }
    if (known === undefined && this.#entries.size >= MAX_OBJECTS) {
      this.refused++;
      return false;
    }
    const { valid, faults, notes } = validate(object, this.#placement);
    // Another object of the same name has no share in what that one was.
    const before = known !== undefined && known.current.metadata.uid === object.metadata.uid ? known : undefined;
    const entry: Entry = { current: object, faults, notes, good: before?.good, goodSource: before?.goodSource };
    if (valid !== undefined) {
      const { uid = "", generation = 0 } = object.metadata;
      entry.good = { ...valid, ...nameOf(object), kind: valid.kind, file: identity, line: 0, fingerprint: `${uid} ${generation}` } as LoadedObject;
      entry.goodSource = object;
    }
    this.#entries.set(identity, entry);
    return true;
  }

  /** True where it was there. */
  remove(object: WatchedObject): boolean {
    return this.#entries.delete(identityOf(nameOf(object)));
  }

  /** The API server has told of every object of these kinds: others of them are gone. */
  retain(kinds: readonly string[], uids: ReadonlySet<string>): void {
    for (const [identity, { current }] of this.#entries) {
      if (kinds.includes(current.kind) && !uids.has(current.metadata.uid ?? "")) this.#entries.delete(identity);
    }
  }

  objects(): LoadedObject[] {
    return [...this.#entries.values()].flatMap(({ good }) => (good === undefined ? [] : [good]));
  }

  /** What the disk keeps: an object for each that is in force. */
  sources(): WatchedObject[] {
    return [...this.#entries.values()].flatMap(({ goodSource }) => (goodSource === undefined ? [] : [goodSource]));
  }

  uidOf(identity: string): string {
    return this.#entries.get(identity)?.current.metadata.uid ?? "";
  }

  generationOf(identity: string): number {
    return this.#entries.get(identity)?.current.metadata.generation ?? 0;
  }

  problems(): Remark[] {
    return this.#remarks(({ faults }) => faults);
  }

  notes(): Remark[] {
    return this.#remarks(({ notes }) => notes);
  }

  /** Broken now, a last good version in force. */
  stale(): string[] {
    return this.#identities(({ faults, good }) => faults.length > 0 && good !== undefined);
  }

  /** Broken, and never good. */
  withheld(): { file: string; kinds: Kind[] }[] {
    return this.#identities(({ good }) => good === undefined).map((file) => ({ file, kinds: [this.#entries.get(file)!.current.kind as Kind] }));
  }

  failures(): ObjectFailure[] {
    const failures: ObjectFailure[] = [];
    for (const { current, faults } of this.#entries.values()) {
      if (failures.length === MAX_FAILURES) break;
      if (faults.length === 0) continue;
      const { uid = "", generation = 0 } = current.metadata;
      failures.push({ ...nameOf(current), uid, generation, message: faults.map(({ path, message }) => `${formatPath(path)}: ${message}`).join("; ") });
    }
    return failures;
  }

  #remarks(of: (entry: Entry) => readonly Fault[]): Remark[] {
    return [...this.#entries].flatMap(([file, entry]) => of(entry).map(({ path, message }) => ({ file, line: 0, column: 0, field: formatPath(path), message })));
  }

  #identities(fits: (entry: Entry) => boolean): string[] {
    return [...this.#entries].filter(([, entry]) => fits(entry)).map(([identity]) => identity);
  }
}

/** A status alone may have changed. */
function isSameVersion(left: WatchedObject, right: WatchedObject): boolean {
  const { uid, generation } = left.metadata;
  return generation !== undefined && uid === right.metadata.uid && generation === right.metadata.generation;
}

function nameOf({ kind, metadata }: WatchedObject): { kind: string; namespace: string; name: string } {
  return { kind, namespace: metadata.namespace ?? "", name: metadata.name };
}
