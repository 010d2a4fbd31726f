/** The part of a signature in parentheses, split into `keyword;` and `keyword:value;`. */
import { Fault } from "./fault.ts";

export interface Option {
  readonly keyword: string;
  readonly column: number;
  /** Trimmed; undefined where there is no colon. */
  readonly value: string | undefined;
  readonly valueColumn: number;
}

/**
 * `open` is the index of the opening parenthesis. As in Suricata a semicolon ends an option even inside quotes,
 * unless a backslash stands before it.
 */
export function splitOptions(text: string, open: number): Option[] | Fault {
  const close = text.trimEnd().length - 1;
  if (close <= open || text[close] !== ")") return new Fault("Cannot read the options: the closing parenthesis is missing", close + 2);
  const options: Option[] = [];
  for (let at = open + 1; at < close; ) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    const end = endOfOption(text, at, close);
    if (end < 0) return new Fault("Cannot read the options: the semicolon after the last one is missing", close + 1);
    options.push(readOption(text.slice(at, end), at + 1));
    at = end + 1;
  }
  return options;
}

function endOfOption(text: string, from: number, close: number): number {
  for (let at = from; at < close; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === ";") return at;
  }
  return -1;
}

function readOption(text: string, column: number): Option {
  const colon = text.indexOf(":");
  if (colon < 0) return { keyword: text.trim(), column, value: undefined, valueColumn: column + text.length };
  const raw = text.slice(colon + 1);
  const blanks = raw.length - raw.trimStart().length;
  return { keyword: text.slice(0, colon).trim(), column, value: raw.trim(), valueColumn: column + colon + 1 + blanks };
}
