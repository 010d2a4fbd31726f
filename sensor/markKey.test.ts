import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { chooseMarkKey, markKey } from "./markKey.ts";
import type { ClusterOptions } from "./options.ts";

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

describe("chooseMarkKey()", () => {
  const folder = mkdtempSync(join(tmpdir(), "flowreset-mark-"));
  const [fleets, own, broken, none] = ["fleets", "own", "broken", "none"].map((name) => join(folder, name)) as [string, string, string, string];
  writeFileSync(fleets, "0000000100000002");
  writeFileSync(own, "0000000300000004");
  writeFileSync(broken, "hello");
  afterAll(() => rmSync(folder, { recursive: true }));
  const inFleet = (markKeyFile?: string) => ({ markKeyFile }) as ClusterOptions;

  it.each<[string, ClusterOptions | undefined, string | undefined, number[] | undefined, RegExp | undefined]>([
    ["that of a fleet", inFleet(fleets), undefined, [1, 2], undefined],
    ["a person's before that of a fleet", inFleet(fleets), own, [3, 4], undefined],
    ["a person's without a fleet", undefined, own, [3, 4], undefined],
    ["a random one without either", undefined, undefined, undefined, undefined],
    ["a random one where the fleet's is not there, and says so", inFleet(none), undefined, undefined, /^Cannot read the mark key: ENOENT/],
    ["a random one where the fleet's is broken, and says so", inFleet(broken), undefined, undefined, /expected 16 hexadecimal digits/],
    ["a random one where nobody names the fleet's, and says so", inFleet(), undefined, undefined, /MARK_KEY_FILE/],
  ])("takes %s", (_, cluster, markKeyFile, words, fault) => {
    const chosen = chooseMarkKey({ cluster, markKeyFile });
    if (words === undefined) expect(chosen.words).not.toEqual(chooseMarkKey({ cluster, markKeyFile }).words);
    else expect(chosen.words).toEqual(words);
    expect(chosen.fault ?? "").toMatch(fault ?? /^$/);
  });

  it("never passes over a person's file that is wrong", () => {
    expect(() => chooseMarkKey({ cluster: inFleet(fleets), markKeyFile: broken })).toThrow(/expected 16 hexadecimal digits/);
  });
});
