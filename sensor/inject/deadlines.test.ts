import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Deadlines } from "./deadlines.ts";

describe("Deadlines", () => {
  it("take() gives nothing before its time, and the earliest first", () => {
    const deadlines = new Deadlines(8);
    deadlines.set(3, 30);
    deadlines.set(1, 10);
    deadlines.set(2, 20);
    expect(deadlines.nextMs()).toBe(10);
    expect(deadlines.take(9.9)).toBe(-1);
    expect([deadlines.take(25), deadlines.take(25), deadlines.take(25)]).toEqual([1, 2, -1]);
    expect(deadlines.nextMs()).toBe(30);
  });

  it("set() moves the one deadline of an id both ways", () => {
    const deadlines = new Deadlines(4);
    deadlines.set(0, 10);
    deadlines.set(1, 20);
    deadlines.set(0, 30);
    expect(deadlines.nextMs()).toBe(20);
    deadlines.set(0, 5);
    expect(deadlines.nextMs()).toBe(5);
    expect(deadlines.size).toBe(2);
  });

  it("has no deadline when empty", () => {
    expect(new Deadlines(1).nextMs()).toBe(Infinity);
    expect(new Deadlines(1).take(1e9)).toBe(-1);
  });

  it("agrees with a sorted list under any order of set, clear and take", () => {
    const step = fc.oneof(
      fc.tuple(fc.constant("set" as const), fc.nat(15), fc.nat(100)),
      fc.tuple(fc.constant("clear" as const), fc.nat(15), fc.constant(0)),
      fc.tuple(fc.constant("take" as const), fc.constant(0), fc.nat(100)),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new Deadlines(16);
      const naive = new Map<number, number>();
      for (const [what, id, at] of steps) {
        if (what === "set") { heap.set(id, at); naive.set(id, at); }
        if (what === "clear") { heap.clear(id); naive.delete(id); }
        if (what === "take") {
          const earliest = Math.min(...naive.values());
          const taken = heap.take(at);
          if (earliest > at) expect(taken).toBe(-1);
          else {
            expect(naive.get(taken)).toBe(earliest);
            naive.delete(taken);
          }
        }
        expect(heap.size).toBe(naive.size);
        expect(heap.nextMs()).toBe(Math.min(Infinity, ...naive.values()));
      }
    }));
  });
});
