import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { expect, it, onTestFinished } from "vitest";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "flowreset-cache-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

/** Keeps it, and ends as a program that is killed. */
function runKilled(environment: Readonly<Record<string, string>>): void {
  const text = `const { keepCompileCache } = await import(${JSON.stringify(join(import.meta.dirname, "compileCache.ts"))}); keepCompileCache(); process.kill(process.pid, "SIGKILL");`;
  expect(() => execFileSync(execPath, ["--input-type=module", "--eval", text], { env: environment, stdio: "ignore" })).toThrow(expect.objectContaining({ signal: "SIGKILL" }));
}

it("keeps what was compiled though the program is killed, and nothing of other versions of Node.js", () => {
  const cache = folder();
  mkdirSync(join(cache, "v1.2.3-x64-0-0"));
  mkdirSync(join(cache, "somebody's"));
  runKilled({ NODE_COMPILE_CACHE: cache });
  const [own, ...others] = readdirSync(cache).filter((name) => name !== "somebody's");
  expect(others).toEqual([]);
  expect(own).toMatch(new RegExp(`^${process.version}-`));
  expect(readdirSync(join(cache, own!)).length).toBeGreaterThan(0);
  expect(readdirSync(cache)).toContain("somebody's");
});

it("keeps nothing where nobody has named a folder", () => {
  const cache = folder();
  runKilled({ TMPDIR: cache });
  expect(readdirSync(cache)).toEqual([]);
});
