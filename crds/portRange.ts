/** TCP ports: one ("80") or a range with both ends included ("8000-8999"). */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { MAX_PORT_RANGES } from "./limits.ts";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const FORM = /^[0-9]{1,5}(-[0-9]{1,5})?$/;

/** The two ends of a port range (1 to 65535, first <= last), or undefined where the text is none. */
export function parsePortRange(text: string): PortRange | undefined {
  if (!FORM.test(text)) return undefined;
  const dash = text.indexOf("-");
  const first = Number(dash < 0 ? text : text.slice(0, dash));
  const last = Number(dash < 0 ? text : text.slice(dash + 1));
  return first >= 1 && last <= 65_535 && first <= last ? { first, last } : undefined;
}

export const portRange = checkedText({
  noun: "a port",
  expected: 'a quoted port or range such as "80" or "8000-8999"',
  maxLength: 11,
  pattern: FORM,
  complaint: (text) => (parsePortRange(text) === undefined ? "1 to 65535, the lower end first" : undefined),
});

/** Empty means any port. */
export const portRanges = z.array(portRange).max(MAX_PORT_RANGES);

export const portNumber = z.int().min(1).max(65_535);
