import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint, nameSuffix } from "./fingerprint.ts";

describe("fingerprint()", () => {
  it("differs for texts that differ in one bit, and is the same every time", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 50 }), fc.nat(), (text, at) => {
        const index = at % text.length;
        const other = text.slice(0, index) + String.fromCharCode(text.charCodeAt(index) ^ 1) + text.slice(index + 1);
        expect(fingerprint(text)).toMatch(/^[0-9a-f]{14}$/);
        expect(fingerprint(other)).not.toBe(fingerprint(text));
      }),
    );
    expect(fingerprint("flowreset")).toBe(fingerprint("flowreset"));
  });

  it("gives suffixes that Kubernetes would give", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(nameSuffix(text)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      }),
    );
  });
});
