import { describe, expect, it } from "vitest";
import { FlowNotes } from "./flowNotes.ts";

describe("FlowNotes", () => {
  it("keeps a note for as long as its flow lives, however many come and go", () => {
    const alive = new Set([1]);
    const notes = new FlowNotes<string>(1_000, (slot) => !alive.has(slot));
    notes.set(1, 7, "lives");
    for (let slot = 2; slot < 100_000; slot++) {
      alive.add(slot);
      notes.set(slot, 1, "passes");
      alive.delete(slot - 10);
      alive.add(1);
      expect(notes.size).toBeLessThanOrEqual(30);
    }
    expect(notes.get(1, 7)).toBe("lives");
    expect(notes.get(1, 8)).toBeUndefined();
  });

  it("never holds more than its limit, also where all live", () => {
    const notes = new FlowNotes<number>(100, () => false);
    for (let slot = 0; slot < 1_000; slot++) notes.set(slot, 1, slot);
    expect(notes.size).toBe(100);
    expect(notes.get(999, 1)).toBe(999);
  });

  it("asks about what is written there, and forgets on demand", () => {
    const notes = new FlowNotes<{ over: boolean }>(100, (_slot, _generation, { over }) => over);
    const first = { over: false };
    notes.set(1, 1, first);
    notes.set(2, 1, { over: false });
    first.over = true;
    notes.set(3, 1, { over: false });
    expect([notes.get(1, 1), notes.size]).toEqual([undefined, 2]);
    notes.delete(3, 1);
    expect(notes.size).toBe(1);
  });
});
