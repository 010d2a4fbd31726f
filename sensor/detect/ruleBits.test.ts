import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ANYTHING, type Membership } from "./membership.ts";
import { rulesOfRows } from "./ruleBits.ts";

describe("rulesOfRows()", () => {
  it("turns rows of sets to rows of rules, for any number of sets, rows and rules", () => {
    const shape = fc.record({ rows: fc.integer({ min: 1, max: 6 }), sets: fc.integer({ min: 1, max: 70 }), seed: fc.nat() });
    fc.assert(
      fc.property(shape, fc.array(fc.integer({ min: -1, max: 90 }), { minLength: 1, maxLength: 80 }), ({ rows, sets, seed }, wanted) => {
        const rowWords = Math.ceil(sets / 32);
        const isIn = (row: number, set: number) => set < sets && (Math.imul(row * 97 + set * 31 + seed, 0x9e3779b1) >>> 28) < 5;
        const bits = new Uint32Array(rows * rowWords);
        for (let row = 0; row < rows; row++) {
          for (let set = 0; set < sets; set++) if (isIn(row, set)) bits[row * rowWords + (set >>> 5)]! |= 1 << (set & 31);
        }
        const table: Membership = { bits, rowWords };
        const turned = rulesOfRows(table, wanted);
        const ruleWords = Math.ceil(wanted.length / 32);
        for (let row = 0; row < rows; row++) {
          const got = wanted.map((_, rule) => ((turned[row * ruleWords + (rule >>> 5)]! >>> (rule & 31)) & 1) === 1);
          expect(got).toEqual(wanted.map((set) => set === ANYTHING || isIn(row, set)));
        }
      }),
      { numRuns: 200 },
    );
  });
});
