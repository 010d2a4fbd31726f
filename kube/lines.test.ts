import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineSplitter, LineTooLong } from "./lines.ts";

const split = (chunks: readonly string[], limit = 1_000): { lines: string[]; pending: number } => {
  const splitter = new LineSplitter(limit);
  const lines = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk, "latin1"))]).map((line) => line.toString("latin1"));
  return { lines, pending: splitter.pendingBytes };
};

describe("a stream is cut into its lines", () => {
  it.each([
    { chunks: ["a\nb\n"], lines: ["a", "b"], pending: 0 },
    { chunks: ["a", "b", "\n"], lines: ["ab"], pending: 0 },
    { chunks: ["a\nb", "c\n\n\nd"], lines: ["a", "bc"], pending: 1 },
    { chunks: ["", "\n", ""], lines: [], pending: 0 },
    { chunks: ["a\r\n"], lines: ["a\r"], pending: 0 },
  ])("$chunks", ({ chunks, lines, pending }) => {
    expect(split(chunks)).toEqual({ lines, pending });
  });

  it("wherever the chunks end, also within a character", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", minLength: 1 }).map((text) => text.replaceAll("\n", " "))), fc.array(fc.nat(200)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
        const ends = [...new Set([...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length])].sort((a, b) => a - b);
        const splitter = new LineSplitter(100_000);
        const found = ends.flatMap((end, index) => [...splitter.push(bytes.subarray(ends[index - 1] ?? 0, end))]).map((one) => one.toString("utf8"));
        expect(found).toEqual(lines);
        expect(splitter.pendingBytes).toBe(0);
      }),
    );
  });

  it("takes a line as long as the limit, and none longer, however it comes", () => {
    expect(split(["12345\n"], 5).lines).toEqual(["12345"]);
    expect(split(["123", "45", "\n"], 5).lines).toEqual(["12345"]);
    expect(() => split(["123456\n"], 5)).toThrow(LineTooLong);
    expect(() => split(["123", "456"], 5)).toThrow(/expected at most 5 bytes/);
  });
});
