import { expect, test } from "vitest";
import { wrap } from "./wrap.ts";

test("text is broken between words, and only where a line is full", () => {
  expect(wrap("one two three four", 9)).toEqual(["one two", "three", "four"]);
  expect(wrap("one two three four", 18)).toEqual(["one two three four"]);
});

test("a word that is longer than a line stands whole in one", () => {
  expect(wrap("see https://flowreset.example/a/long/address now", 12)).toEqual(["see", "https://flowreset.example/a/long/address", "now"]);
});

test("blanks that align columns stay where the line is long enough", () => {
  expect(wrap("sent     12 bytes", 40)).toEqual(["sent     12 bytes"]);
});
