import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildPortTable, portsToRanges, portTableBuilder } from "./ports.ts";
import { has } from "./membership.ts";
import { includes, intersect, type Range, subtract, union } from "./ranges.ts";

const small = fc.array(
  fc.tuple(fc.nat(40), fc.nat(10)).map(([first, size]): Range => ({ first: BigInt(first), last: BigInt(first + size) })),
  { maxLength: 6 },
);

describe("range sets", () => {
  it("union, subtract and intersect agree with asking each number", () => {
    fc.assert(
      fc.property(small, small, (left, right) => {
        const a = union(left);
        const b = union(right);
        for (let n = 0n; n < 52n; n++) {
          const inA = left.some(({ first, last }) => first <= n && n <= last);
          const inB = right.some(({ first, last }) => first <= n && n <= last);
          expect(includes(union(a, b), n)).toBe(inA || inB);
          expect(includes(subtract(a, b), n)).toBe(inA && !inB);
          expect(includes(intersect(a, b), n)).toBe(inA && inB);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("union joins what touches, so that equal sets are written alike", () => {
    expect(union([{ first: 5n, last: 6n }], [{ first: 1n, last: 4n }])).toEqual([{ first: 1n, last: 6n }]);
    expect(union([{ first: 6n, last: 6n }], [{ first: 1n, last: 4n }])).toHaveLength(2);
  });
});

describe("port table", () => {
  const table = buildPortTable([portsToRanges(["80", "8000-8999"]), portsToRanges(["1-65535"]), portsToRanges(["65535"])]);
  const cases: readonly (readonly [number, readonly boolean[]])[] = [
    [0, [false, false, false]],
    [1, [false, true, false]],
    [79, [false, true, false]],
    [80, [true, true, false]],
    [81, [false, true, false]],
    [7999, [false, true, false]],
    [8000, [true, true, false]],
    [8999, [true, true, false]],
    [9000, [false, true, false]],
    [65_534, [false, true, false]],
    [65_535, [false, true, true]],
  ];
  for (const [port, expected] of cases) it(`port ${port} is in ${JSON.stringify(expected)}`, () => expect([0, 1, 2].map((set) => has(table, table.rows[port]!, set))).toEqual(expected));

  it("is the last one again for the same sets, and never for others", () => {
    const build = portTableBuilder();
    const [http, https] = [portsToRanges(["80"]), portsToRanges(["443"])];
    const first = build([http, https]);
    expect(build([portsToRanges(["80-80"]), https])).toBe(first);
    for (const sets of [[https, http], [http], [http, https, https]]) {
      expect(build(sets)).toEqual(buildPortTable(sets));
    }
  });
});
