import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AutomatonBuilder } from "./automaton.ts";
import { latin1 } from "./flows.fixture.ts";

/** Every (end, literal) that the automaton reports. */
function scan(literals: readonly string[], text: string, folded = false): string[] {
  const builder = new AutomatonBuilder(folded);
  const numbers = literals.map((literal) => builder.add(latin1(literal)));
  const automaton = builder.build()!;
  const found: string[] = [];
  let state = 0;
  [...latin1(text)].forEach((byte, at) => {
    state = automaton.next[(state << 8) | byte]!;
    if (state < automaton.firstMatch) return;
    for (let match = state; match >= 0; match = automaton.link[match - automaton.firstMatch]!) {
      const literal = automaton.literal[match - automaton.firstMatch]!;
      if (literal >= 0) found.push(`${at + 1}:${literals[numbers.indexOf(literal)]}`);
    }
  });
  return found.sort();
}

/** The naive twin: indexOf from every place. */
function search(literals: readonly string[], text: string): string[] {
  const found = new Set<string>();
  for (const literal of literals) {
    for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at + 1)) found.add(`${at + literal.length}:${literal}`);
  }
  return [...found].sort();
}

describe("Automaton", () => {
  const cases: readonly (readonly [string, readonly string[], string, readonly string[]])[] = [
    ["finds a literal at the very beginning and the very end", ["ab"], "abcab", ["2:ab", "5:ab"]],
    ["finds literals inside a longer one by output links", ["she", "he", "hers", "e"], "ushers", ["4:e", "4:he", "4:she", "6:hers"]],
    ["finds a suffix where the longer literal fails", ["abcd", "bce"], "abce", ["4:bce"]],
    ["finds overlapping runs of itself", ["aa"], "aaaa", ["2:aa", "3:aa", "4:aa"]],
    ["finds a literal of one byte", ["a"], "ba", ["2:a"]],
    ["finds nothing where the last byte differs", ["abc"], "abd", []],
    ["tells cases apart", ["ab"], "AbaB", []],
    ["finds bytes above 127 and zero", ["\xff\0\x80"], "x\xff\0\x80", ["4:\xff\0\x80"]],
  ];
  for (const [name, literals, text, expected] of cases) it(name, () => expect(scan(literals, text)).toEqual(expected));

  it("folded, finds ASCII letters in either case and nothing else folded", () => {
    expect(scan(["a[z"], "A[Z a[z A{Z", true)).toEqual(["3:a[z", "7:a[z"]);
    expect(scan(["\xe4"], "\xc4", true)).toEqual([]);
  });

  it("agrees with indexOf on any literals and text", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", "A"), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.uniqueArray(letters, { minLength: 1, maxLength: 12 }), fc.string({ unit: fc.constantFrom("a", "b", "c", "A"), maxLength: 80 }), (literals, text) => {
        expect(scan(literals, text)).toEqual(search(literals, text));
      }),
      { numRuns: 300 },
    );
  });

  it("folded, agrees with indexOf on the lower-cased text", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "z"), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(letters, { minLength: 1, maxLength: 8 }), fc.string({ unit: fc.constantFrom("a", "B", "Z", "b", "@", "["), maxLength: 60 }), (literals, text) => {
        expect(scan(literals, text, true)).toEqual(search(literals, text.toLowerCase()));
      }),
      { numRuns: 200 },
    );
  });

  it("numbers match states last, so that one comparison tells them", () => {
    const builder = new AutomatonBuilder(false);
    for (const literal of ["ab", "b", "bcd"]) builder.add(latin1(literal));
    const automaton = builder.build()!;
    expect(automaton.stateCount).toBe(6);
    expect(automaton.firstMatch).toBe(3);
    expect(automaton.literal.length).toBe(3);
  });

  it("gives equal literals one number", () => {
    const builder = new AutomatonBuilder(false);
    expect([builder.add(latin1("ab")), builder.add(latin1("a")), builder.add(latin1("ab"))]).toEqual([0, 1, 0]);
  });

  it("is absent without literals", () => expect(new AutomatonBuilder(false).build()).toBeUndefined());

  it("says what fits: as many states as there may be, not one more", () => {
    const builder = new AutomatonBuilder(false, 4);
    expect(builder.fits([latin1("abc")])).toBe(true);
    expect(builder.fits([latin1("abcd")])).toBe(false);
    builder.add(latin1("abc"));
    expect(builder.fits([latin1("ab")])).toBe(true);
    expect(builder.fits([latin1("x")])).toBe(false);
  });
});
