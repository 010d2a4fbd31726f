import { describe, expect, it } from "vitest";
import { labelName, objectName } from "./metadata.ts";

describe("names", () => {
  it.each([
    ["stop-log4shell", true, true],
    ["a", true, true],
    ["a.b", true, false],
    ["A", false, false],
    ["-a", false, false],
    ["a-", false, false],
    ["a..b", false, false],
    ["a_b", false, false],
    ["", false, false],
    ["a\n", false, false],
    ["a".repeat(63), true, true],
    ["a".repeat(64), true, false],
    ["a".repeat(254), false, false],
  ])("%j: a subdomain %s, a label %s", (text, subdomain, label) => {
    expect([objectName.safeParse(text).success, labelName.safeParse(text).success]).toEqual([subdomain, label]);
  });
});
