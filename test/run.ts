/**
 * `make test`: the projects one after the other, so that the lab has the machine to itself, and a
 * closing line that says how many tests ran. Ends 1 when one failed or none ran.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "flowreset-test-"));
let passed = 0;
let failed = 0;
let skipped = 0;
let broken = false;

for (const project of ["unit", "fuzz", "image", "apiserver", "lab"]) {
  const started = process.hrtime.bigint();
  console.log(`\n== ${project}`);
  const report = join(folder, `${project}.json`);
  const run = spawnSync(
    process.execPath,
    [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
  );
  broken ||= run.status !== 0;
  try {
    const totals = JSON.parse(readFileSync(report, "utf8")) as Record<string, number>;
    passed += totals["numPassedTests"] ?? 0;
    failed += totals["numFailedTests"] ?? 0;
    skipped += (totals["numPendingTests"] ?? 0) + (totals["numTodoTests"] ?? 0);
  } catch {
    console.error(`Cannot read the report of ${project}: it ended with status ${run.status}`);
    broken = true;
  }
  console.log(`== ${project}: ${((Number(process.hrtime.bigint() - started) / 1e9) | 0)} s`);
}
rmSync(folder, { recursive: true });
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(broken || failed > 0 || passed === 0 ? 1 : 0);
