/** What is wrong with a signature's text, for whoever reads policy files. */
import { Fault, parseSignature } from "../detect/mod.ts";

/** One line with the column, undefined where the signature can be used. */
export function complaintOfSignature(text: string): string | undefined {
  const parsed = parseSignature(text);
  return parsed instanceof Fault ? `${parsed.message}, at column ${parsed.column}` : undefined;
}
