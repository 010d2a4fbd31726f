import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AutomatonBuilder } from "./automaton.ts";
import type { CompiledDetection } from "./compiled.ts";
import { StreamScan } from "./scan.ts";
import { buildSkipTable } from "./skip.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** Literals that were found in the pieces, by number, in the order of their ends. */
function found(literals: readonly string[], pieces: readonly Uint8Array[], folded: boolean, withSkip: boolean): string[] {
  const builder = new AutomatonBuilder(folded);
  for (const literal of literals) builder.add(text(literal));
  const built = builder.build()!;
  const automaton = withSkip ? built : { ...built, skip: undefined };
  const hits: string[] = [];
  let piece = 0;
  const report = (state: number) => void hits.push(`${piece}:${state}`);
  const scan = new StreamScan({ onExactMatch: report, onFoldedMatch: report });
  const table = { automaton };
  scan.use({ exact: folded ? undefined : table, folded: folded ? table : undefined } as unknown as CompiledDetection);
  let state = 0;
  for (const bytes of pieces) {
    state = scan.run(state, bytes, 0, bytes.length);
    piece++;
  }
  return [...hits, `end ${state}`];
}

describe("buildSkipTable()", () => {
  it.each([
    ["a literal shorter than the shortest window", ["abcd", "abc"], false],
    ["no literal", [], false],
    ["long literals", ["KILLMENOW", "${jndi:"], true],
    ["so many literals that most pairs would be looked at", Array.from({ length: 4_000 }, (_, i) => String.fromCharCode(33 + (i % 90), 33 + ((i * 7) % 90), 33 + (i % 89), 33 + ((i * 13) % 88))), false],
  ])("for %s says whether skipping pays", (_name, literals, pays) => {
    expect(buildSkipTable(literals.map(text), false) !== undefined).toBe(pays);
  });
});

describe("StreamScan", () => {
  it.each([
    ["inside", ["xxxxxxxxKILLMENOWxxxx"], 1],
    ["at the very end", ["xxxxxxxxxxKILLMENOW"], 1],
    ["at the very beginning", ["KILLMENOWxxxxxxxxxxxx"], 1],
    ["across a border", ["xxxxxxxxxxxKILL", "MENOWxxxxxxxx"], 1],
    ["across three pieces, one of them a single byte", ["xxxxxxxxxxxKILL", "M", "ENOWxxxxxxxx"], 1],
    ["twice, the second right behind", ["KILLMENOWKILLMENOW"], 2],
    ["after a false beginning", ["KILLMEKILLMENOW"], 1],
    ["nowhere", ["KILLMENO", "xKILLMENO"], 0],
  ])("that skips finds a literal %s", (_name, pieces, times) => {
    expect(found(["KILLMENOW"], pieces.map(text), false, true).length - 1).toBe(times);
  });

  it("that skips walks through text that is full of beginnings, and finds what comes behind", () => {
    const beginnings = text("KILLMENOKILLMEKILLMENO".repeat(1_000));
    const quiet = text("x".repeat(100_000));
    expect(found(["KILLMENOW"], [beginnings, text("KILLMENOW"), quiet, text("KILLMENOW"), beginnings, text("W")], false, true).slice(0, -1)).toEqual([
      expect.stringMatching(/^1:/),
      expect.stringMatching(/^3:/),
      expect.stringMatching(/^5:/),
    ]);
  });

  it.each([[false], [true]])("that skips says the same as one that looks at every byte (folded: %s)", (folded) => {
    const letter = fc.constantFrom("a", "b", "c", "A", "x");
    const literal = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 4, maxLength: 9 });
    // So many more literals that blocks are triples; their first bytes stand in no piece.
    const others = fc.constantFrom<readonly string[]>([], Array.from({ length: 30 }, (_, i) => `yz${"abc".repeat(3).slice(i % 3)}${i}`));
    // Long calm stretches as well: they are crossed in strides of four moves.
    const calm = fc.tuple(fc.nat(200), fc.string({ unit: letter, maxLength: 20 })).map(([length, rest]) => "x".repeat(length) + rest);
    const piece = fc.oneof(fc.string({ unit: letter, maxLength: 60 }), calm);
    fc.assert(
      fc.property(fc.uniqueArray(literal, { minLength: 1, maxLength: 3 }), fc.array(piece, { maxLength: 6 }), others, (literals, pieces, more) => {
        const bytes = pieces.map(text);
        expect(found([...literals, ...more], bytes, folded, true)).toEqual(found([...literals, ...more], bytes, folded, false));
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});
