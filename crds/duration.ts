/** Durations as Go and Kubernetes write them: "60s", "5m", "1h30m", "250ms", "0s". */
import type { z } from "zod";
import { checkedText } from "./checkedText.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const FORM = /^([0-9]{1,9}(ms|s|m|h))+$/;
const PART = /([0-9]+)(ms|s|m|h)/g;

/** Milliseconds of a duration, or -1 where the text is none. */
export function durationMs(text: string): number {
  if (text.length > 32 || !FORM.test(text)) return -1;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(PART)) total += Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return total;
}

/** A duration between two bounds, both included; the text is kept as it was written. */
export function duration(minimum: string, maximum: string): z.ZodString {
  const minimumMs = durationMs(minimum);
  const maximumMs = durationMs(maximum);
  return checkedText({
    noun: "a duration",
    expected: `a number and its unit such as 60s, 5m or 1h30m, from ${minimum} to ${maximum}`,
    maxLength: 32,
    pattern: FORM,
    complaint: (text) => {
      const ms = durationMs(text);
      return ms < minimumMs || ms > maximumMs ? `${minimum} to ${maximum}` : undefined;
    },
  });
}
