/** TCP ports: one ("80") or a range with both ends included ("8000-8999"). */

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const PORT_RANGE_FORM = /^[0-9]{1,5}(-[0-9]{1,5})?$/;

/** The two ends of a port range (1 to 65535, first <= last), or undefined where the text is none. */
export function parsePortRange(text: string): PortRange | undefined {
  if (!PORT_RANGE_FORM.test(text)) return undefined;
  const dash = text.indexOf("-");
  const first = Number(dash < 0 ? text : text.slice(0, dash));
  const last = Number(dash < 0 ? text : text.slice(dash + 1));
  return first >= 1 && last <= 65_535 && first <= last ? { first, last } : undefined;
}
