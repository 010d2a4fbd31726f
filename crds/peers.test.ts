import { describe, expect, it } from "vitest";
import { hostPattern } from "./peers.ts";

describe("hostPattern", () => {
  it.each([
    ["api.example.com", true],
    ["*.example.com", true],
    ["*", false],
    ["a.*.com", false],
    ["exa mple.com", false],
    ["-a.com", false],
    ["a..com", false],
    ["https://a.com", false],
  ])("%j is a host pattern: %s", (text, good) => expect(hostPattern.safeParse(text).success).toBe(good));
});
