import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const LAUNCHER = resolve(import.meta.dirname, "../flowreset");
const folder = mkdtempSync(join(tmpdir(), "flowreset launcher-"));
afterAll(() => rmSync(folder, { recursive: true }));

function launch(command: string, ...words: string[]) {
  const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
  return spawnSync(command, words, { cwd: folder, encoding: "utf8", env: { ...process.env, PATH, XDG_RUNTIME_DIR: folder } });
}

test("the launcher works from any folder and through links upon links, and hands on words and exit code", () => {
  mkdirSync(join(folder, "bin"));
  symlinkSync(LAUNCHER, join(folder, "first"));
  symlinkSync("../first", join(folder, "bin", "second"));
  for (const command of [LAUNCHER, join(folder, "first"), join(folder, "bin", "second")]) {
    const { stdout, stderr, status } = launch(command, "version");
    expect([stdout.startsWith("flowreset "), stderr, status]).toEqual([true, "", 0]);
  }
  const { stderr, status } = launch(join(folder, "bin", "second"), "flows", "--socket", join(folder, "no socket"));
  expect(stderr).toContain(`No sensor runs at ${join(folder, "no socket")}`);
  expect(status).toBe(5);
});

test("help that is piped into a reader that goes away ends quietly", () => {
  const { stderr } = launch("sh", "-c", `"${LAUNCHER}" --help | head -n 1`);
  expect(stderr).toBe("");
});
