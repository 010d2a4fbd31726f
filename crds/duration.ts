/** Durations in a schema; `values/duration.ts` says how they are written. */
import type { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { DURATION_FORM, durationMs } from "./values/mod.ts";

/** A duration between two bounds, both included; the text is kept as it was written. */
export function duration(minimum: string, maximum: string): z.ZodString {
  const minimumMs = durationMs(minimum);
  const maximumMs = durationMs(maximum);
  const expectedRange = `${minimum} to ${maximum}`;
  return checkedText({
    noun: "a duration",
    expected: `a number and its unit such as 60s, 5m or 1h30m, from ${minimum} to ${maximum}`,
    maxLength: 32,
    pattern: DURATION_FORM,
    complaint: (text) => {
      const ms = durationMs(text);
      return ms < minimumMs || ms > maximumMs ? expectedRange : undefined;
    },
    cel: [{ rule: `duration(self) >= duration('${minimum}') && duration(self) <= duration('${maximum}')`, expected: expectedRange }],
  });
}
