import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSame, mergePatch } from "./mergePatch.ts";

/** RFC 7386, section 2. */
function applyPatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyPatch(result[key], value);
  }
  return result;
}

describe("a merge patch says what differs", () => {
  it.each([
    { current: { a: 1 }, wanted: { a: 1 }, patch: undefined },
    { current: { a: 1, b: { c: 1, d: 2 } }, wanted: { b: { d: 2, c: 1 }, a: 1 }, patch: undefined },
    { current: { a: 1 }, wanted: { a: 2 }, patch: { a: 2 } },
    { current: { a: 1, b: 2 }, wanted: { a: 1 }, patch: { b: null } },
    { current: { a: { b: 1, c: 1 } }, wanted: { a: { b: 1 } }, patch: { a: { c: null } } },
    { current: { a: [1, 2] }, wanted: { a: [2, 1] }, patch: { a: [2, 1] } },
    { current: { a: [{ x: 1, y: 2 }] }, wanted: { a: [{ y: 2, x: 1 }] }, patch: undefined },
    { current: undefined, wanted: { a: 1 }, patch: { a: 1 } },
    { current: {}, wanted: { a: undefined, b: null }, patch: undefined },
    { current: { a: null }, wanted: {}, patch: undefined },
    { current: { a: 1 }, wanted: { a: undefined }, patch: { a: null } },
    { current: { a: 0 }, wanted: { a: false }, patch: { a: false } },
    { current: { a: "1" }, wanted: { a: 1 }, patch: { a: 1 } },
    { current: { a: {} }, wanted: { a: [] }, patch: { a: [] } },
  ])("$current -> $wanted", ({ current, wanted, patch }) => {
    expect(mergePatch(current, wanted)).toEqual(patch);
  });

  it("applied as RFC 7386 says, it makes the one document to be the other; and where they are the same there is none", () => {
    const document = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: "small" }, fc.integer({ min: 0, max: 2 }), fc.constantFrom("x", true), fc.array(tie("value"), { maxLength: 2 }), fc.dictionary(fc.constantFrom("a", "b"), tie("value"))),
    })).value);
    fc.assert(
      fc.property(document, document, (current, wanted) => {
        const patch = mergePatch(current, wanted);
        expect(patch === undefined).toBe(isSame(current, wanted));
        expect(isSame(applyPatch(current, patch ?? {}), wanted)).toBe(true);
      }),
    );
  });
});
