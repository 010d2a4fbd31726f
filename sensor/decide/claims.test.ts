import { describe, expect, it } from "vitest";
import { Claims, createClaims } from "./claims.ts";

const NOW_MS = 1_700_000_000_000;

function two(): [Claims, Claims] {
  const buffer = createClaims();
  return [new Claims(buffer, 0), new Claims(buffer, 1)];
}

describe("a claim", () => {
  it("is one Worker's for some seconds, whichever side its tuple takes for the client", () => {
    const [first, second] = two();
    expect(first.take(7, -9, NOW_MS)).toBe(true);
    expect([second.take(7, -9, NOW_MS), second.take(-9, 7, NOW_MS + 5_000), second.isTaken(7, -9, NOW_MS - 300)]).toEqual([false, false, true]);
    expect([first.isTaken(7, -9, NOW_MS), first.take(7, -9, NOW_MS)]).toEqual([false, true]);
  });

  it("is over after that: who has not acted then may", () => {
    const [first, second] = two();
    first.take(7, -9, NOW_MS);
    expect([second.isTaken(7, -9, NOW_MS + 7_000), second.take(7, -9, NOW_MS + 7_000)]).toEqual([false, true]);
    expect(first.take(7, -9, NOW_MS + 7_000)).toBe(false);
  });

  it("says nothing of another connection, also with one number the same", () => {
    const [first, second] = two();
    for (let isn = 1; isn < 20_000; isn++) first.take(isn, 1_000_000 - isn, NOW_MS);
    let wrong = 0;
    for (let isn = 1; isn < 20_000; isn++) if (second.isTaken(isn, 2_000_000 - isn, NOW_MS)) wrong++;
    expect(wrong).toBeLessThanOrEqual(2);
  });
});
