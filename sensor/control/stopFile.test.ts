import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { jsonLines } from "./jsonLines.ts";
import { defaultSocketPath, defaultStopFile } from "./paths.ts";
import { isStopped, removeStopFile, watchStopFile, writeStopFile } from "./stopFile.ts";

const folder = mkdtempSync(join(tmpdir(), "flowreset-stop-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("the stop file is written with who and when, also where its folder is missing, and removed again", () => {
  const path = join(folder, "new", "stop");
  expect(isStopped(path)).toBe(false);
  writeStopFile(path, "ana", new Date(0));
  expect(isStopped(path)).toBe(true);
  expect(readFileSync(path, "utf8")).toContain("stopped 1970-01-01T00:00:00.000Z by ana");
  expect(removeStopFile(path)).toBe(true);
  expect(removeStopFile(path)).toBe(false);
  expect(existsSync(path)).toBe(false);
});

test.each([
  ["the folder is there", ""],
  ["the folder comes later", "later"],
])("coming and going of the file is told once each when %s", async (_, under) => {
  const inside = join(folder, under || "now");
  if (under === "") mkdirSync(inside);
  const path = join(inside, "stop");
  const changes: boolean[] = [];
  const { promise: came, resolve: onCame } = Promise.withResolvers<void>();
  const { promise: went, resolve: onWent } = Promise.withResolvers<void>();
  const watch = watchStopFile(path, (stopped) => {
    changes.push(stopped);
    (stopped ? onCame : onWent)();
  });
  expect(watch.stopped).toBe(false);
  mkdirSync(inside, { recursive: true });
  writeFileSync(path, "");
  await came;
  writeFileSync(path, "touched again");
  watch.check();
  rmSync(path);
  await went;
  watch.close();
  expect(changes).toEqual([true, false]);
});

test("a file that is there at the start is a state, not a change", () => {
  const path = join(folder, "early");
  writeFileSync(path, "");
  const watch = watchStopFile(path, () => expect.unreachable());
  expect(watch.stopped).toBe(true);
  watch.check();
  watch.close();
});

test("a path that cannot be looked at counts as stopped", () => {
  expect(isStopped(join(folder, "x".repeat(300)))).toBe(true);
});

test.each([
  [0, "/run/user/0", "/run/flowreset/sensor.sock"],
  [1000, "/run/user/1000", "/run/user/1000/flowreset/sensor.sock"],
  [1000, undefined, join(tmpdir(), "flowreset-1000", "sensor.sock")],
  [1000, "relative", join(tmpdir(), "flowreset-1000", "sensor.sock")],
])("user %d with XDG_RUNTIME_DIR %s has the socket %s", (uid, runtimeFolder, path) => {
  expect(defaultSocketPath({ uid, runtimeFolder })).toBe(path);
  expect(defaultStopFile(path)).toBe(path.replace("sensor.sock", "stop"));
});

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncIterable<Uint8Array> {
  let from = 0;
  for (const cut of cuts.map((n) => n % (bytes.length + 1)).toSorted((a, b) => a - b)) {
    yield bytes.subarray(from, cut);
    from = cut;
  }
  yield bytes.subarray(from);
}

test("JSON lines come out the same wherever the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue()), fc.array(fc.nat()), fc.boolean(), async (values, cuts, closed) => {
      const text = values.map((value) => JSON.stringify(value)).join("\n") + (closed ? "\n" : "");
      const seen: unknown[] = [];
      for await (const value of jsonLines(pieces(Buffer.from(text), cuts))) seen.push(value);
      expect(seen).toEqual(values.map((value) => JSON.parse(JSON.stringify(value)) as unknown));
    }),
  );
});

test("a line without an end is refused before it fills memory", async () => {
  async function* endless(): AsyncIterable<Uint8Array> {
    for (;;) yield Buffer.alloc(65_536, 120);
  }
  await expect(jsonLines(endless())[Symbol.asyncIterator]().next()).rejects.toThrow(RangeError);
});
