/**
 * `make test`: the projects one after the other, so that lab and cluster have the machine to themselves, and a
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

/** Of the other pod networks only what shows that they are one, and that connections die in them too. */
const runs: readonly { name: string; project: string; files?: readonly string[]; podNetwork?: string }[] = [
  { name: "unit", project: "unit" },
  { name: "fuzz", project: "fuzz" },
  { name: "image", project: "image" },
  { name: "apiserver", project: "apiserver" },
  { name: "lab", project: "lab" },
  { name: "cluster lifecycle", project: "lifecycle" },
  { name: "cluster", project: "cluster" },
  { name: "end to end", project: "endToEnd" },
  { name: "cluster ptp", project: "cluster", files: ["test/cluster/cluster.e2e.test.ts"], podNetwork: "ptp" },
  { name: "end to end ptp", project: "endToEnd", files: ["test/cluster/endToEnd/kills.e2e.test.ts"], podNetwork: "ptp" },
  { name: "cluster vxlan", project: "cluster", files: ["test/cluster/cluster.e2e.test.ts"], podNetwork: "vxlan" },
  { name: "end to end vxlan", project: "endToEnd", files: ["test/cluster/endToEnd/kills.e2e.test.ts"], podNetwork: "vxlan" },
];

const needsRoot = ["lifecycle", "cluster", "endToEnd"];

for (const { name, project, files = [], podNetwork = "bridge" } of runs) {
  const started = process.hrtime.bigint();
  console.log(`\n== ${name}`);
  if (needsRoot.includes(project) && process.getuid!() !== 0) {
    console.log(`== ${name}: left out, only root can bring a cluster up`);
    skipped++;
    continue;
  }
  const report = join(folder, `${name}.json`);
  const run = spawnSync(
    process.execPath,
    [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project", project, ...files, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, CLUSTER: podNetwork } },
  );
  broken ||= run.status !== 0;
  let ran = 0;
  try {
    const totals = JSON.parse(readFileSync(report, "utf8")) as Record<string, number>;
    ran = totals["numPassedTests"] ?? 0;
    passed += ran;
    failed += totals["numFailedTests"] ?? 0;
    skipped += (totals["numPendingTests"] ?? 0) + (totals["numTodoTests"] ?? 0);
  } catch {
    console.error(`Cannot read the report of ${name}: it ended with status ${run.status}`);
    broken = true;
  }
  console.log(`== ${name}: ${ran} passed in ${((Number(process.hrtime.bigint() - started) / 1e9) | 0)} s`);
}
rmSync(folder, { recursive: true });
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(broken || failed > 0 || passed === 0 ? 1 : 0);
