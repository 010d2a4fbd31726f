import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { markKey } from "./markKey.ts";

describe("markKey()", () => {
  const folder = mkdtempSync(join(tmpdir(), "flowreset-mark-"));
  const file = join(folder, "key");
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is another one each time without a file", () => {
    expect(markKey(undefined)).not.toEqual(markKey(undefined));
  });

  it.each([
    ["0000000100000002", [1, 2]],
    ["ffffffff80000000\n", [-1, -0x80000000]],
    [" 00ABCDEF00abcdef ", [0xabcdef, 0xabcdef]],
  ])("reads %j", (text, words) => {
    writeFileSync(file, text);
    expect(markKey(file)).toEqual(words);
  });

  it.each(["", "123", "0000000100000002 3", "00000001000000020", "000000010000000g"])("refuses %j", (text) => {
    writeFileSync(file, text);
    expect(() => markKey(file)).toThrow(/expected 16 hexadecimal digits/);
  });

  it("names a file that is not there", () => {
    expect(() => markKey(join(folder, "none"))).toThrow(/Cannot read the mark key: ENOENT/);
  });
});
