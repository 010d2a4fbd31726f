import { describe, expect, it } from "vitest";
import { mergeConditions, readiness, shortened } from "./condition.ts";
import { sameStatus } from "./sameStatus.ts";

const NOW = Date.parse("2026-11-26T12:00:00.900Z");

describe("conditions", () => {
  it("keep their transition time while only the words change, and move it when the status does", () => {
    const before = mergeConditions([], readiness({ state: "Reconciling", reason: "Loading", message: "1 of 3" }), 1, NOW);
    expect(before[0]!.lastTransitionTime).toBe("2026-11-26T12:00:00Z");
    const words = mergeConditions(before, readiness({ state: "Reconciling", reason: "Loading", message: "2 of 3" }), 1, NOW + 60_000);
    expect(words.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(before.map(({ lastTransitionTime }) => lastTransitionTime));
    const ready = mergeConditions(words, readiness({ state: "Ready", reason: "Loaded", message: "3 of 3" }), 2, NOW + 60_000);
    expect(ready.map(({ type, status, lastTransitionTime, observedGeneration }) => [type, status, lastTransitionTime, observedGeneration])).toEqual([
      ["Ready", "True", "2026-11-26T12:01:00Z", 2],
      ["Reconciling", "False", "2026-11-26T12:01:00Z", 2],
      ["Stalled", "False", "2026-11-26T12:00:00Z", 2],
    ]);
  });

  it("are cut where an API server takes no more, but never within a character: it would be shown as another than was written, again and again", () => {
    const { message } = mergeConditions([], [{ type: "Ready", status: "False", reason: "Loading", message: `${"x".repeat(1_023)}\u{1f600}` }], 1, NOW)[0]!;
    expect([message.length <= 1_024, message.isWellFormed()]).toEqual([true, true]);
    expect([shortened("x".repeat(1_024)), shortened("x".repeat(1_025)), shortened("\u{1f600}\u{1f600}", 3)]).toEqual(["x".repeat(1_024), `${"x".repeat(1_021)}...`, "..."]);
  });

  it("of somebody else stay as they were", () => {
    const foreign = { type: "Approved", status: "True", reason: "Audit", message: "", lastTransitionTime: "2020-01-01T00:00:00Z" } as const;
    expect(mergeConditions([foreign], readiness({ state: "Ready", reason: "Loaded", message: "" }), 1, NOW)[0]).toEqual(foreign);
  });
});

describe("two statuses", () => {
  for (const [left, right, same] of [
    [{ a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1 }, true],
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: null }, false],
    [{ a: [1, 2] }, { a: [1] }, false],
    [{ a: [1] }, { a: { 0: 1 } }, false],
    [{ a: "1" }, { a: 1 }, false],
    [undefined, {}, false],
  ] as const) {
    it(`${JSON.stringify(left)} and ${JSON.stringify(right)} are ${same ? "the same" : "different"}`, () => {
      expect(sameStatus(left, right)).toBe(same);
      expect(sameStatus(right, left)).toBe(same);
    });
  }
});
