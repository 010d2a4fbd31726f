/** What is said of an object: where it stands in which file, and the words. */

export interface Remark {
  /** Or the object's kind and name, where it comes from no file. */
  readonly file: string;
  /** From 1; 0 where it comes from no file. */
  readonly line: number;
  readonly column: number;
  /** Path of the field, as in `spec.rules[0].peers.cidrs[0]`; empty for the document itself. */
  readonly field: string;
  /** Action first, what was expected, current value last. */
  readonly message: string;
}

/** The object is refused. */
export type Problem = Remark;

/** The object is taken, but a part of it does nothing. */
export type Note = Remark;

/** A remark before its place in a text is known. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  /** True where the field's own name is at fault, not its value. */
  readonly atKey?: boolean;
  readonly message: string;
}

export function formatRemark({ file, line, column, field, message }: Remark): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return `${place}: ${field === "" ? "" : `${field}: `}${message}`;
}

export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(String(part))) text += text === "" ? String(part) : `.${String(part)}`;
    else text += `[${show(String(part))}]`;
  }
  return text;
}

const SHOWN_LENGTH = 80;

/** A value as one short printable line: text is quoted and escaped, so that a file cannot write to the terminal. */
export function show(value: unknown): string {
  if (value === undefined) return "absent";
  if (typeof value === "string") {
    const cut = value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}...` : value;
    return JSON.stringify(cut).replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  }
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return `a map of ${Object.keys(value).length}`;
  return `${String(value)}`;
}
