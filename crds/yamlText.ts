/** YAML text to plain data, with a way back from a field's path to its line. Hostile text gives faults, never an exception. */
import { Composer, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Document, type Node, type Pair } from "yaml";
import { MAX_OBJECTS_PER_FILE, MAX_PROBLEMS_PER_FILE, MAX_YAML_DEPTH } from "./limits.ts";
import { show, type Fault } from "./remark.ts";
import { boundedTokens, YamlTooLarge } from "./yamlTokens.ts";

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlDocument {
  /** Undefined where there are faults; null for an empty document. */
  readonly value: unknown;
  readonly faults: readonly (Fault & { readonly position?: Position })[];
  positionOf(fault: Fault): Position;
}

/** Nodes of a document, with what aliases repeat: a small text must not stand for a huge object. */
const MAX_NODES = 200_000;

/** The documents of a text, at most as many as a file may have objects and one more; a fault of the whole text comes as one document. */
export function readYaml(text: string): YamlDocument[] {
  const counter = new LineCounter();
  const documents: YamlDocument[] = [];
  try {
    // Uniqueness of keys is checked below: the library compares each key with each, hours for a megabyte of keys.
    const composer = new Composer({ prettyErrors: false, uniqueKeys: false, logLevel: "error" });
    for (const document of composer.compose(boundedTokens(text, counter.addNewLine), true, text.length)) {
      documents.push(readDocument(document as Document.Parsed, counter, text));
      if (documents.length > MAX_OBJECTS_PER_FILE) break;
    }
  } catch (error) {
    const bounded = error instanceof YamlTooLarge;
    const position = positionAt(counter, bounded ? error.offset : 0);
    const message = bounded ? error.message : `Cannot read the YAML, expected what its library can read: current failure is ${show(reasonOf(error))}`;
    documents.push({ value: undefined, faults: [{ path: [], message }], positionOf: () => position });
  }
  return documents;
}

function readDocument(document: Document.Parsed, counter: LineCounter, text: string): YamlDocument {
  const positionOf = (fault: Fault): Position => positionAt(counter, offsetOf(document, fault));
  const faults: (Fault & { position?: Position })[] = [...document.errors, ...document.warnings].slice(0, MAX_PROBLEMS_PER_FILE).map(({ message, pos }) => ({
    path: [],
    message: `Cannot read the YAML, ${message.replace(/\.?\s*$/, "")}: current line is ${show(lineAt(text, pos[0]))}`,
    position: positionAt(counter, pos[0]),
  }));
  if (faults.length === 0) faults.push(...faultsOfTree(document.contents));
  if (faults.length > 0) return { value: undefined, faults, positionOf };
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (isBounded(value)) return { value, faults, positionOf };
    faults.push({ path: [], message: `Cannot read so large an object, expected at most ${MAX_YAML_DEPTH} levels and ${MAX_NODES} values, aliases counted as often as they are used: current object is larger` });
  } catch (error) {
    faults.push({ path: [], message: `Cannot read the YAML, expected aliases used a few times only: current failure is ${show(reasonOf(error))}` });
  }
  return { value: undefined, faults, positionOf };
}

/** Keys used twice, keys that are collections, and depth. Follows no alias, so it ends. */
function faultsOfTree(contents: unknown): Fault[] {
  const faults: Fault[] = [];
  const pending: { node: unknown; path: PropertyKey[] }[] = [{ node: contents, path: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, path } = next;
    if (path.length > MAX_YAML_DEPTH) {
      return [{ path: path.slice(0, MAX_YAML_DEPTH), message: `Cannot read the YAML, expected at most ${MAX_YAML_DEPTH} levels: current depth is more` }];
    }
    if (isSeq(node)) node.items.forEach((item, index) => pending.push({ node: item, path: [...path, index] }));
    if (!isMap(node)) continue;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const key = keyOf(pair);
      if (key === undefined) faults.push({ path, message: "Cannot use a collection as a key, expected a field's name: current key is no text" });
      else if (seen.has(key)) faults.push({ path: [...path, key], atKey: true, message: `Cannot use a field twice, expected it once: current field is ${show(key)}` });
      else seen.add(key);
      if (key !== undefined) pending.push({ node: pair.value, path: [...path, key] });
    }
  }
  return faults.reverse().slice(0, MAX_PROBLEMS_PER_FILE);
}

function isBounded(value: unknown): boolean {
  let left = MAX_NODES;
  const visit = (child: unknown, depth: number): boolean => {
    if (--left < 0 || depth > MAX_YAML_DEPTH) return false;
    return typeof child !== "object" || child === null || Object.values(child).every((grandchild) => visit(grandchild, depth + 1));
  };
  return visit(value, 0);
}

/** Where a fault stands: its key, or its value where that is a scalar; else the nearest thing above it that exists. */
function offsetOf(document: Document.Parsed, { path, atKey }: Fault): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? document.range[0];
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      // The last of several equal keys: where there are two, it is the second that is at fault.
      const pair = node.items.findLast((item) => keyOf(item) === String(part));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === "number" && part < node.items.length) {
      node = node.items[part];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
    if (index === path.length - 1 && atKey !== true && isScalar(node)) offset = startOf(node) ?? offset;
  }
  return offset;
}

function keyOf(pair: Pair): string | undefined {
  const key: unknown = pair.key;
  if (isScalar(key)) return key.value === null ? "" : String(key.value);
  return isNode(key) || (typeof key === "object" && key !== null) ? undefined : String(key ?? "");
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

function positionAt(counter: LineCounter, offset: number): Position {
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", Math.max(0, offset - 1)) + 1;
  const end = text.indexOf("\n", start);
  return text.slice(start, Math.min(end < 0 ? text.length : end, start + 200)).trim();
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
