import { describe, expect, it } from "vitest";
import { portRange } from "./portRange.ts";
import { parsePortRange } from "./values/mod.ts";

describe("parsePortRange()", () => {
  it.each([
    ["80", { first: 80, last: 80 }],
    ["8000-8999", { first: 8000, last: 8999 }],
    ["1-65535", { first: 1, last: 65535 }],
    ["7-7", { first: 7, last: 7 }],
    ["0", undefined],
    ["65536", undefined],
    ["0-80", undefined],
    ["90-80", undefined],
    ["80-", undefined],
    ["-80", undefined],
    ["80-90-100", undefined],
    ["80 - 90", undefined],
    ["8e1", undefined],
    ["+80", undefined],
    ["0x50", undefined],
    ["http", undefined],
    ["*", undefined],
    ["", undefined],
  ])("reads %j", (text, range) => {
    expect(parsePortRange(text)).toEqual(range);
    expect(portRange.safeParse(text).success).toBe(range !== undefined);
  });
});
