/** How long a failed key rests: client-go's exponential rate limiter, with a lower ceiling and a spread. */

export const FIRST_BACKOFF_MS = 50;
export const LONGEST_BACKOFF_MS = 30_000;
/** A server may ask for more rest than that, but not to be forgotten. */
export const LONGEST_REST_MS = 300_000;

/** Milliseconds after the n-th failure in a row (from 1). `spread` from 0 to 1 keeps keys that failed together apart. */
export function backoffMs(failures: number, spread: number): number {
  const full = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 30));
  return full * (1 - 0.2 * spread);
}
