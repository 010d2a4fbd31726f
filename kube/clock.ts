/** Time and chance as arguments: tests turn the hands themselves. */
export interface Clock {
  /** Milliseconds that only go forward; the zero means nothing. */
  monotonicMs(): number;
  /** Unix time in milliseconds. */
  wallMs(): number;
  /** 0 up to but not including 1. */
  random(): number;
  /** Calls back once after `delayMs`, never at once; what it returns takes the call back. */
  timer(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  random: () => Math.random(),
  timer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when `signal` fires: the caller looks at it. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.timer(delayMs, done);
    signal?.addEventListener("abort", done);
  });
}
