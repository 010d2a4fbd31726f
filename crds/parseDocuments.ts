/** A file's text to its objects: every document of it, and the items of a List. */
import { fingerprint, nameSuffix } from "./fingerprint.ts";
import { isNamespaced } from "./group.ts";
import { MAX_FILE_BYTES, MAX_OBJECTS_PER_FILE, MAX_PROBLEMS_PER_FILE } from "./limits.ts";
import type { KindedObject } from "./kinds.ts";
import { formatPath, show, type Fault, type Note, type Problem, type Remark } from "./remark.ts";
import { identityOf } from "./values/mod.ts";
import { validate, type Placement } from "./validate.ts";
import { readYaml, type Position, type YamlDocument } from "./yamlText.ts";

export type LoadedObject = KindedObject & {
  readonly name: string;
  /** "default" unless told for a kind that lives in a namespace, "" for the others. */
  readonly namespace: string;
  readonly file: string;
  readonly line: number;
  /** Differs where the object's metadata.name or spec differ. */
  readonly fingerprint: string;
};

export interface ParsedDocuments {
  /** The good ones, also where others of the same text are refused. */
  readonly objects: LoadedObject[];
  readonly problems: Problem[];
  readonly notes: Note[];
}

/** Never throws, whatever the text. */
export function parseDocuments(text: string, file: string, placement: Placement): ParsedDocuments {
  const loader = new Loader(file, placement);
  const bytes = text.length > MAX_FILE_BYTES ? text.length : new TextEncoder().encode(text).length;
  if (bytes > MAX_FILE_BYTES) {
    loader.refuse({ line: 1, column: 1 }, [], `Cannot read so large a file, expected at most ${MAX_FILE_BYTES} bytes: current size is ${bytes}`);
  } else {
    for (const document of readYaml(text)) loader.addDocument(document);
  }
  return { objects: loader.objects, problems: capped(inOrder(loader.problems)), notes: capped(inOrder(loader.notes)) };
}

class Loader {
  readonly objects: LoadedObject[] = [];
  readonly problems: Problem[] = [];
  readonly notes: Note[] = [];
  readonly #file: string;
  readonly #placement: Placement;
  readonly #byIdentity = new Map<string, LoadedObject>();
  #seen = 0;

  constructor(file: string, placement: Placement) {
    this.#file = file;
    this.#placement = placement;
  }

  addDocument(document: YamlDocument): void {
    for (const fault of document.faults) this.refuse(fault.position ?? document.positionOf(fault), fault.path, fault.message);
    if (document.faults.length > 0 || document.value === null || document.value === undefined) return;
    const items = itemsOfList(document.value);
    if (items === undefined) this.#addObject(document, document.value, []);
    else for (const [index, item] of items.entries()) this.#addObject(document, item, ["items", index]);
  }

  refuse(position: Position, path: readonly PropertyKey[], message: string): void {
    this.problems.push(this.#remark(position, path, message));
  }

  #addObject(document: YamlDocument, value: unknown, prefix: readonly PropertyKey[]): void {
    const place = (fault: Fault): Position => document.positionOf({ ...fault, path: [...prefix, ...fault.path] });
    const start = place({ path: [], message: "" });
    if (++this.#seen > MAX_OBJECTS_PER_FILE) {
      if (this.#seen === MAX_OBJECTS_PER_FILE + 1) this.refuse(start, prefix, `Cannot take more objects of one file, expected at most ${MAX_OBJECTS_PER_FILE}: current count is more`);
      return;
    }
    const { valid, faults, notes } = validate(value, this.#placement);
    for (const fault of faults) this.refuse(place(fault), [...prefix, ...fault.path], fault.message);
    if (valid === undefined) return;
    const loaded = this.#load(valid, start.line);
    const earlier = this.#byIdentity.get(identityOf(loaded));
    if (earlier !== undefined) {
      const name = place({ path: ["metadata", "name"], message: "" });
      this.refuse(name, [...prefix, "metadata", "name"], `Cannot use a name twice, expected one ${identityOf(loaded)} (the first stands on line ${earlier.line}): current value is ${show(loaded.name)}`);
      return;
    }
    this.#byIdentity.set(identityOf(loaded), loaded);
    this.objects.push(loaded);
    for (const note of notes) this.notes.push(this.#remark(place(note), [...prefix, ...note.path], note.message));
  }

  #load(valid: KindedObject, line: number): LoadedObject {
    const { metadata, spec } = valid.object;
    const content = JSON.stringify(spec);
    metadata.name ??= `${metadata.generateName}${nameSuffix(content)}`;
    const namespace = isNamespaced(valid.kind) ? (metadata.namespace ?? "default") : "";
    return { ...valid, name: metadata.name, namespace, file: this.#file, line, fingerprint: fingerprint(`${valid.kind} ${namespace} ${metadata.name} ${content}`) };
  }

  #remark({ line, column }: Position, path: readonly PropertyKey[], message: string): Remark {
    return { file: this.#file, line, column, field: formatPath(path), message };
  }
}

/** The items of `kind: List` (kubectl's) or of a kind's own list; undefined where the value is no list. */
function itemsOfList(value: unknown): unknown[] | undefined {
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items) ? items : undefined;
}

function inOrder(remarks: Remark[]): Remark[] {
  return remarks.sort((left, right) => left.line - right.line || left.column - right.column);
}

function capped(remarks: Remark[]): Remark[] {
  const more = remarks.length - MAX_PROBLEMS_PER_FILE;
  if (more <= 0) return remarks;
  const last = remarks[MAX_PROBLEMS_PER_FILE]!;
  return [...remarks.slice(0, MAX_PROBLEMS_PER_FILE), { ...last, field: "", message: `Cannot tell of everything in one file, expected at most ${MAX_PROBLEMS_PER_FILE}: current count is ${more} more` }];
}
