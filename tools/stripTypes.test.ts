import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const copy = mkdtempSync(join(tmpdir(), "flowreset stripped-"));
afterAll(() => rmSync(copy, { recursive: true }));

const node = (...words: string[]) => execFileSync(process.execPath, words, { cwd: copy, encoding: "utf8" });

test("the stripped copy is the same program: no .ts is left or named, and the commands run from it", () => {
  for (const name of ["crds", "cli", "kube", "memory", "operator", "sensor", "examples", "package.json"]) cpSync(join(root, name), join(copy, name), { recursive: true, filter: (path) => !/\.(test|fixture)\.ts$/.test(path) });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  node("--disable-warning=ExperimentalWarning", join(root, "tools/stripTypes.ts"), copy);

  const files = ["crds", "cli", "kube", "memory", "operator", "sensor"].flatMap((room) => readdirSync(join(copy, room), { recursive: true, encoding: "utf8" }).map((name) => join(copy, room, name)));
  expect(files.filter((name) => name.endsWith(".ts"))).toEqual([]);
  const scripts = files.filter((name) => name.endsWith(".js"));
  expect(scripts.length).toBeGreaterThan(200);
  const missing = scripts.flatMap((name) =>
    [...readFileSync(name, "utf8").matchAll(/(?:\bfrom |\bimport |\bimport\(|\bnew URL\()"(\.[^"]+)"/g)]
      .map(([, target]) => resolve(dirname(name), target!))
      .filter((target) => !existsSync(target)),
  );
  expect(missing).toEqual([]);
  expect(readFileSync(join(copy, "sensor/packetThreads.js"), "utf8")).toContain('new URL("./worker.js"');

  // With the stripping of types switched off: nothing of it is needed any more.
  expect(node("--no-strip-types", "cli/main.js", "version")).toMatch(/^flowreset /);
  expect(node("--no-strip-types", "cli/main.js", "replay", "--help")).toContain("capture");
});

test("lines stay where they were, so that a stack names the same place", () => {
  const lines = (name: string) => readFileSync(name, "utf8").split("\n");
  const before = lines(join(root, "sensor/pipeline.ts"));
  const after = lines(join(copy, "sensor/pipeline.js"));
  expect(after.length).toBe(before.length);
  expect(after.findIndex((line) => line.includes("export class Pipeline"))).toBe(before.findIndex((line) => line.includes("export class Pipeline")));
});
