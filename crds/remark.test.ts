import { describe, expect, it } from "vitest";
import { show } from "./remark.ts";

describe("show()", () => {
  it.each([
    [undefined, "absent"],
    [null, "null"],
    [80, "80"],
    [Number.NaN, "NaN"],
    ["a\u001b[31m\n", String.raw`"a\u001b[31m\n"`],
    ["\u202eevil\u009b", String.raw`"\u202eevil\u009b"`],
    ["\ud800", String.raw`"\ud800"`],
    ["x".repeat(200), `"${"x".repeat(80)}..."`],
    [[1, 2], "a list of 2"],
    [{ a: 1 }, "a map of 1"],
  ])("makes one printable line of %j", (value, text) => expect(show(value)).toBe(text));
});
