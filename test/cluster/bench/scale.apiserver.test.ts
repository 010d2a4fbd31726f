import { describe, expect, it } from "vitest";
import { measureScale } from "./scale.ts";

const SETTINGS = { sizes: [3, 6], policies: 5, flowResetsPerMinute: 120, idleSeconds: 1, busySeconds: 5, restSeconds: 1 };

describe("the measurement of a growing cluster", () => {
  it("takes the real operator through two sizes, and every FlowReset comes to its end", async () => {
    const [load, requests, statuses] = await measureScale(() => {}, SETTINGS);
    const of = (name: string): unknown[] => load!.rows.find(([row]) => row === name)!.slice(1, 3);
    expect(of("policies Ready, of 5")).toEqual([5, 5]);
    for (const seconds of of("an edited policy to Ready again, s")) expect(seconds).toBeGreaterThan(0);
    expect(of("FlowResets made")).toEqual([10, 10]);
    expect(of("FlowResets with a wrong count, or unfinished")).toEqual([0, 0]);
    expect(of("simulation: SensorNode writes refused")).toEqual([0, 0]);
    expect(requests!.rows.map(([name]) => name)).toContain("PATCH flowresets/status");
    expect(statuses!.rows.find(([name]) => name === "sensornodes")!.slice(1)).toEqual([6, expect.any(Number), expect.any(Number), 0, "its own"]);
  }, 300_000);
});
