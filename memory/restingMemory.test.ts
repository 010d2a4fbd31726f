import { describe, expect, it } from "vitest";
import { collectGarbage, Growth } from "./restingMemory.ts";

const MB = 1 << 20;

describe("memory is given back by a thread that rests, where the process has grown", () => {
  it.each([
    ["has grown and rests", 108, 0.02, true],
    ["has grown and is busy", 300, 0.5, false],
    ["has grown a little", 107, 0.02, false],
    ["has shrunk", 60, 0, false],
  ])("a process that %s", (_, ownMb, utilization, isDue) => {
    const growth = new Growth();
    growth.restAt(100 * MB);
    expect(growth.isDue(ownMb * MB, utilization)).toBe(isDue);
  });

  it("counts from the smallest that it was, so that slow growth is noticed", () => {
    const growth = new Growth();
    growth.restAt(100 * MB);
    expect([95, 100, 102, 103].map((ownMb) => growth.isDue(ownMb * MB, 0))).toEqual([false, false, false, true]);
  });

  it("collects what nobody holds any more", () => {
    const kept: object[][] = [Array.from({ length: 500_000 }, (_, number) => ({ number }))];
    collectGarbage();
    const { heapUsed } = process.memoryUsage();
    kept.length = 0;
    collectGarbage();
    expect(process.memoryUsage().heapUsed).toBeLessThan(heapUsed - 8 * MB);
  });
});
