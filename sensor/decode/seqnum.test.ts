import fc from "fast-check";
import { expect, test } from "vitest";
import { add, after, before, distance, later } from "./seqnum.ts";

const WRAP = 2n ** 32n;
const word = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 0x7fff_ffff, -0x8000_0000, 1));
const near = fc.oneof(fc.integer({ min: -0x7fff_ffff, max: 0x7fff_ffff }), fc.integer({ min: -3, max: 3 }));

/** The naive twin: sequence space as numbers of any size. */
function unsigned(value: number): bigint {
  return ((BigInt(value) % WRAP) + WRAP) % WRAP;
}

test("add() and distance() agree with arithmetic of any size", () => {
  fc.assert(
    fc.property(word, near, (start, length) => {
      const end = add(start, length);
      expect(unsigned(end)).toBe(unsigned(Number(unsigned(start)) + length));
      expect(end).toBe(end | 0);
      expect(distance(end, start)).toBe(length);
      expect([before(start, end), after(start, end)]).toEqual([length > 0, length < 0]);
      expect(later(start, end)).toBe(length > 0 ? end : start);
    }),
  );
});
