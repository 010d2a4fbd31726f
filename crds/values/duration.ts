/** Durations as Go and Kubernetes write them: "60s", "5m", "1h30m", "250ms", "0s". */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
export const DURATION_FORM = /^([0-9]{1,9}(ms|s|m|h))+$/;
const PART = /([0-9]+)(ms|s|m|h)/g;

/** Milliseconds of a duration, or -1 where the text is none. */
export function durationMs(text: string): number {
  if (text.length > 32 || !DURATION_FORM.test(text)) return -1;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(PART)) total += Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return total;
}
