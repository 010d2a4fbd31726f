import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interfacePattern } from "./interfaceName.ts";
import { interfaceMatches } from "./values/mod.ts";

describe("interfaceMatches()", () => {
  it.each([
    ["eth0", "eth0", true],
    ["eth0", "eth01", false],
    ["eth", "eth0", false],
    ["veth*", "veth12ab", true],
    ["veth*", "veth", true],
    ["*", "lo", true],
    ["*", "", true],
    ["?", "", false],
    ["eth?", "eth1", true],
    ["eth?", "eth10", false],
    ["*0", "eth00", true],
    ["e*h*0", "eth0.100", true],
    ["a*b*c", "aXbYcZ", false],
    ["eth.", "eth0", false],
    ["[ae]th0", "eth0", false],
  ])("of glob %s and name %s is %s", (pattern, name, expected) => expect(interfaceMatches(pattern, name)).toBe(expected));

  it("agrees with a naive twin made of a regular expression", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 10 });
    fc.assert(
      fc.property(text, fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 }), (pattern, name) => {
        const twin = new RegExp(`^${pattern.replaceAll(/\*+/g, ".*").replaceAll("?", ".")}$`);
        expect(interfaceMatches(pattern, name)).toBe(twin.test(name));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(["", "a b", "a/b", "eth0:1", ".", "..", "abcdefghijklmnop", "a\n", "é"])("is never asked of the name %j, which is refused", (text) => {
    expect(interfacePattern.safeParse(text).success).toBe(false);
  });
});
