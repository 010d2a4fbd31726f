import { describe, expect, it } from "vitest";
import { duration } from "./duration.ts";
import { durationMs } from "./values/mod.ts";

describe("durationMs()", () => {
  it.each([
    ["0s", 0],
    ["60s", 60_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["250ms", 250],
    ["1s500ms", 1_500],
    ["168h", 604_800_000],
    ["", -1],
    ["60", -1],
    ["0", -1],
    ["s", -1],
    ["-1s", -1],
    ["1.5h", -1],
    ["1 s", -1],
    ["1d", -1],
    ["1S", -1],
    ["1s ", -1],
    ["1s\n", -1],
    ["9999999999s", -1],
    ["1s".repeat(17), -1],
    ["٣s", -1],
  ])("reads %j as %d", (text, ms) => expect(durationMs(text)).toBe(ms));
});

describe("duration()", () => {
  it.each([
    ["0s", true],
    ["24h", true],
    ["1440m", true],
    ["24h1ms", false],
    ["25h", false],
    ["999999999h", false],
    [60, false],
    [null, false],
  ])("between 0s and 24h takes %j: %s", (value, good) => expect(duration("0s", "24h").safeParse(value).success).toBe(good));
});
