/** The value of `content`: quoted text with `|hex|` runs and the escapes `\"`, `\\`, `\;`, `\:`. */
import { MAX_CONTENT_BYTES } from "../limits.ts";
import { Fault } from "./fault.ts";

const encoder = new TextEncoder();

/** Bytes of `value` (everything between `content:` and its semicolon, trimmed), which stands at `column`. */
export function parseContent(value: string, column: number): Uint8Array | Fault {
  if (value.startsWith("!")) return new Fault("Cannot use a negated content: not supported yet", column);
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return new Fault("Cannot read content: it is not in quotes", column);
  const bytes: number[] = [];
  const text = value.slice(1, -1);
  for (let at = 0; at < text.length; ) {
    const here = column + 1 + at;
    const character = text[at]!;
    if (character === "|") {
      const end = text.indexOf("|", at + 1);
      if (end < 0) return new Fault("Cannot read content: a hex run does not end with |", here);
      const run = hexBytes(text.slice(at + 1, end));
      if (run === undefined) return new Fault(`Cannot read content: "${text.slice(at + 1, end)}" is not pairs of hex digits`, here);
      bytes.push(...run);
      at = end + 1;
    } else if (character === "\\") {
      const escaped = text[at + 1];
      if (escaped === undefined || !'";\\:'.includes(escaped)) return new Fault(`Cannot read content: "\\${escaped ?? ""}" is no escape`, here);
      bytes.push(escaped.charCodeAt(0));
      at += 2;
    } else if (character === '"') {
      return new Fault('Cannot read content: write a quote as \\"', here);
    } else {
      const symbol = String.fromCodePoint(text.codePointAt(at)!);
      bytes.push(...encoder.encode(symbol));
      at += symbol.length;
    }
  }
  if (bytes.length === 0) return new Fault("Cannot use a content without bytes", column);
  if (bytes.length > MAX_CONTENT_BYTES) return new Fault(`Cannot use a content of more than ${MAX_CONTENT_BYTES} bytes: it has ${bytes.length}`, column);
  return Uint8Array.from(bytes);
}

function hexBytes(run: string): number[] | undefined {
  const digits = run.replace(/\s/g, "");
  if (digits === "" || digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return undefined;
  return digits.match(/../g)!.map((pair) => Number.parseInt(pair, 16));
}

/** ASCII letters in lower case, other bytes as they are. */
export function foldCase(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte));
}
