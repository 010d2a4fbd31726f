import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "./suggestion.ts";

describe("nearest()", () => {
  const fields = ["mode", "severity", "tags", "subject", "rules", "respond", "limits", "exempt"];
  it.each([
    ["moode", "mode"],
    ["MODE", "mode"],
    ["rule", "rules"],
    ["reules", "rules"],
    ["sevreity", "severity"],
    ["x", undefined],
    ["match", undefined],
    ["", undefined],
    ["s".repeat(100_000), undefined],
  ])("of %s among a policy's fields is %s", (word, meant) => expect(nearest(word.slice(0, 1000), fields)).toBe(meant));

  it.each([
    ["", "abc", 3],
    ["abc", "abc", 0],
    ["abc", "acb", 1],
    ["kitten", "sitting", 3],
    ["ab", "ba", 1],
  ])("counts from %j to %j %d edits", (left, right, edits) => expect(editDistance(left, right)).toBe(edits));
});
