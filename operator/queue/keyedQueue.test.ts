import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backoffMs, FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS, LONGEST_REST_MS } from "./backoff.ts";
import { KeyedQueue } from "./keyedQueue.ts";

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => vi.useRealTimers());

/** A reconciler that ends when the test says so. */
function held() {
  const log: string[] = [];
  const gates = new Map<string, (outcome?: Error) => void>();
  return {
    log,
    end: async (key: string, outcome?: Error) => {
      gates.get(key)!(outcome);
      await vi.advanceTimersByTimeAsync(0);
    },
    reconcile: (key: string) =>
      new Promise<undefined>((resolve, reject) => {
        log.push(key);
        gates.set(key, (outcome) => (outcome === undefined ? resolve(undefined) : reject(outcome)));
      }),
  };
}

describe("a keyed queue", () => {
  it("holds a key once at a time, and looks once more at one that was added meanwhile", async () => {
    const { log, end, reconcile } = held();
    const queue = new KeyedQueue({ name: "q", workers: 4, reconcile });
    for (let times = 0; times < 5; times++) queue.add("a");
    expect(log).toEqual(["a"]);
    await end("a");
    expect(log).toEqual(["a", "a"]);
    await end("a");
    expect(log).toEqual(["a", "a"]);
    expect(queue.figures).toMatchObject({ depth: 0, inHand: 0, done: 2, failures: 0 });
  });

  it("has no more keys in hand than workers, and takes the others in their order", async () => {
    const { log, end, reconcile } = held();
    const queue = new KeyedQueue({ name: "q", workers: 2, reconcile });
    for (const key of ["a", "b", "c", "d"]) queue.add(key);
    expect(log).toEqual(["a", "b"]);
    expect(queue.figures.depth).toBe(2);
    await end("b");
    expect(log).toEqual(["a", "b", "c"]);
    await end("a");
    expect(log).toEqual(["a", "b", "c", "d"]);
  });

  it("lets a key that fails rest, longer each time, however often it is added meanwhile", async () => {
    const errors: number[] = [];
    let tries = 0;
    const queue: KeyedQueue = new KeyedQueue({
      name: "q",
      workers: 1,
      reconcile: async () => {
        tries++;
        queue.add("a");
        throw new Error("broken");
      },
      onError: (_key, _error, restMs) => errors.push(restMs),
    });
    queue.add("a");
    await vi.advanceTimersByTimeAsync(0);
    for (let times = 0; times < 100; times++) queue.add("a");
    await vi.advanceTimersByTimeAsync(0);
    expect(tries).toBe(1);
    await vi.advanceTimersByTimeAsync(LONGEST_BACKOFF_MS * 3);
    expect(errors[3]!).toBeGreaterThan(errors[0]! * 4);
    expect(tries).toBeLessThan(20);
  });

  it("lets a key that fails rest also where somebody wants it looked at sooner, before the failure or after it", async () => {
    const tries: number[] = [];
    const queue: KeyedQueue = new KeyedQueue({
      name: "q",
      workers: 1,
      reconcile: async () => {
        tries.push(Math.round(performance.now()));
        queue.addAfter("a", 300);
        throw new Error("429");
      },
      restOf: () => 7_000,
    });
    queue.add("a");
    await vi.advanceTimersByTimeAsync(0);
    for (let times = 0; times < 20; times++) {
      queue.addAfter("a", 300);
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(tries).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(tries.map((ms) => ms - tries[0]!)).toEqual([0, 7_000]);
  });

  it("looks once more at a key that was added while it was tried again, whatever waits for later", async () => {
    const { log, end, reconcile } = held();
    const queue = new KeyedQueue({ name: "q", workers: 1, reconcile });
    queue.add("a");
    await end("a", new Error("broken"));
    await vi.advanceTimersByTimeAsync(FIRST_BACKOFF_MS);
    expect(log).toEqual(["a", "a"]);
    queue.addAfter("a", 60_000);
    queue.add("a");
    await end("a");
    expect(log).toEqual(["a", "a", "a"]);
  });

  it("takes no server at its word that asks for a month, and makes no hot loop of it", async () => {
    let tries = 0;
    const queue = new KeyedQueue({ name: "q", workers: 1, reconcile: async () => Promise.reject(new Error(`try ${++tries}`)), restOf: () => 30 * 86_400_000 });
    queue.add("a");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tries).toBe(1);
    await vi.advanceTimersByTimeAsync(LONGEST_REST_MS);
    expect(tries).toBe(2);
  });

  it("forgets the failures of a key that succeeds", async () => {
    const rests: number[] = [];
    let healthy = false;
    const queue = new KeyedQueue({
      name: "q",
      workers: 1,
      reconcile: async () => {
        if (!healthy) throw new Error("broken");
        return undefined;
      },
      onError: (_key, _error, restMs) => rests.push(restMs),
    });
    queue.add("a");
    await vi.advanceTimersByTimeAsync(5_000);
    healthy = true;
    await vi.advanceTimersByTimeAsync(LONGEST_BACKOFF_MS);
    healthy = false;
    queue.add("a");
    await vi.advanceTimersByTimeAsync(0);
    expect(rests.at(-1)!).toBeLessThanOrEqual(FIRST_BACKOFF_MS);
  });

  it("rests as long as the server asked for", async () => {
    const rests: number[] = [];
    const queue = new KeyedQueue({
      name: "q",
      workers: 1,
      reconcile: async () => Promise.reject(new Error("429")),
      restOf: () => 7_000,
      onError: (_key, _error, restMs) => rests.push(restMs),
    });
    queue.add("a");
    await vi.advanceTimersByTimeAsync(0);
    expect(rests).toEqual([7_000]);
  });

  it("keeps the earliest of several times, and an addition without delay comes before all", async () => {
    const seen: number[] = [];
    const queue = new KeyedQueue({
      name: "q",
      workers: 1,
      reconcile: async () => {
        seen.push(Math.round(performance.now()));
        return undefined;
      },
    });
    const start = Math.round(performance.now());
    queue.addAfter("a", 500);
    queue.addAfter("a", 200);
    queue.addAfter("a", 900);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(seen).toEqual([start + 200]);
    queue.addAfter("a", 500);
    queue.add("a");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(seen).toHaveLength(2);
  });

  it("comes back to a key when its reconciler asks for it", async () => {
    let times = 0;
    const queue = new KeyedQueue({ name: "q", workers: 1, reconcile: async () => (++times < 3 ? 100 : undefined) });
    queue.add("a");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(times).toBe(3);
  });

  it("waits at its end for what is in hand, and takes up nothing more", async () => {
    const { log, end, reconcile } = held();
    const queue = new KeyedQueue({ name: "q", workers: 1, reconcile });
    queue.add("a");
    queue.add("b");
    let closed = false;
    const closing = queue.close().then(() => (closed = true));
    await vi.advanceTimersByTimeAsync(0);
    expect(closed).toBe(false);
    await end("a");
    await closing;
    queue.add("c");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(log).toEqual(["a"]);
  });
});

it("backs off from a blink to half a minute and no further", () => {
  expect([1, 2, 3, 11, 1_000].map((failures) => backoffMs(failures, 0))).toEqual([50, 100, 200, LONGEST_BACKOFF_MS, LONGEST_BACKOFF_MS]);
  expect(backoffMs(1, 1)).toBe(40);
});
