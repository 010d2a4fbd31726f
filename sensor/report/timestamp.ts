/** EVE's form of time: `2026-11-22T23:45:09.935123+0000`, always UTC. */

let lastSecond = -1;
let lastText = "";

/** Past this (the year 2255) a float64 does not count microseconds any more. */
const MAX_MS = 2 ** 53 / 1000;

/** `ms` is milliseconds since 1970 with a fraction; microseconds are rounded. Out of range gives the epoch. */
export function formatTimestamp(ms: number): string {
  const micros = ms >= 0 && ms < MAX_MS ? Math.round(ms * 1000) : 0;
  const second = Math.floor(micros / 1_000_000);
  // Formatting a date costs more than the rest of an event; events come in bursts of the same second.
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(second * 1000).toISOString().slice(0, 19);
  }
  return `${lastText}.${String(micros - second * 1_000_000).padStart(6, "0")}+0000`;
}
