/** zod's issues in the words of the house: action first, what was expected, current value last. */
import type { z } from "zod";
import { MAX_PROBLEMS_PER_FILE } from "./limits.ts";
import { formatPath, show, type Fault } from "./remark.ts";
import { fieldNames, meantField } from "./schemaFields.ts";
import { nearest } from "./suggestion.ts";

const TYPES: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};

/** One fault for each thing wrong, in the order in which zod found them. The issues must carry their input. */
export function explain(issues: readonly z.core.$ZodIssue[], schema: z.core.$ZodType): Fault[] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.slice(0, MAX_PROBLEMS_PER_FILE).map((key) => ({ path: [...issue.path, key], atKey: true, message: unknownField(schema, issue.path, key) }));
    }
    if (issue.code === "invalid_key") {
      return [{ path: issue.path, atKey: true, message: withCurrent(issue.issues[0]?.message ?? issue.message, issue.path.at(-1)) }];
    }
    return [{ path: issue.path, message: wordsOf(issue) }];
  });
}

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.message.startsWith("Cannot ")) return withCurrent(issue.message, issue.input);
  switch (issue.code) {
    case "invalid_type": {
      const expected = TYPES[issue.expected] ?? issue.expected;
      const action = issue.input === undefined ? "Cannot do without this field" : "Cannot take this value";
      return withCurrent(`${action}, expected ${expected}`, issue.input);
    }
    case "invalid_value": {
      const names = issue.values.map(String);
      const near = typeof issue.input === "string" ? nearest(issue.input, names) : undefined;
      const expected = names.length === 1 ? names[0]! : `one of ${names.join(", ")}`;
      return withCurrent(`Cannot take this value, expected ${expected}${didYouMean(near)}`, issue.input);
    }
    case "too_big":
      return `Cannot take this value, expected at most ${issue.maximum}${measure(issue.origin, issue.input)}`;
    case "too_small":
      return `Cannot take this value, expected at least ${issue.minimum}${measure(issue.origin, issue.input)}`;
    default:
      return withCurrent(`Cannot take this value, ${issue.message}`, issue.input);
  }
}

function measure(origin: string, input: unknown): string {
  if (origin === "string") return ` characters: current length is ${(input as string).length}`;
  if (origin === "array") return ` entries: current count is ${(input as unknown[]).length}`;
  return `: current value is ${show(input)}`;
}

function unknownField(schema: z.core.$ZodType, path: readonly PropertyKey[], key: string): string {
  const meant = meantField(schema, path, key);
  const known = fieldNames(schema, path);
  const expected = meant === undefined ? `, expected one of ${known.join(", ")}` : didYouMean(meant);
  return `Cannot use an unknown field of ${path.length === 0 ? "the document" : formatPath(path)}${expected}: current field is ${show(key)}`;
}

export function didYouMean(word: string | undefined): string {
  return word === undefined ? "" : `, did you mean ${word}`;
}

function withCurrent(message: string, input: unknown): string {
  return message.includes(": current ") ? message : `${message}: current value is ${show(input)}`;
}
