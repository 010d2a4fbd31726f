/** Readiness is a condition that is asked again, never a sleep of a guessed length. */
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks `condition` every `intervalMs` until it gives something truthy, and returns that.
 * @throws after `timeoutMs`, with `what` and the last error that the condition threw.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
  intervalMs = 10,
): Promise<NonNullable<T>> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    let lastError: unknown;
    try {
      const value = await condition();
      if (value) return value as NonNullable<T>;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`Waited for ${what}: not so after ${timeoutMs} ms${lastError ? `: ${lastError}` : ""}`);
    }
    await sleep(intervalMs);
  }
}
