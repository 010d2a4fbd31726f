/**
 * `make bench`: what the sensor does, measured on this machine beside its peers and limits, as tables and as bench.json.
 * BENCH="kills reaction" takes some sections only; BENCH_SHARE=0.1 a tenth of the connections; BENCH_IDLE_MINUTES=1 less
 * than ten minutes of idling.
 */
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { measureCpu } from "./cpu.ts";
import { startIdle } from "./idle.ts";
import { measureKills } from "./kills.ts";
import { measureLeak } from "./leak.ts";
import { measureMemory } from "./memory.ts";
import { measureReaction } from "./reaction.ts";
import { asRecords, render } from "./table.ts";
import type { Table } from "./table.ts";

const share = Number(process.env["BENCH_SHARE"] ?? 1);
const idleMinutes = Number(process.env["BENCH_IDLE_MINUTES"] ?? 10);
const say = (text: string): void => console.error(`   ${new Date().toTimeString().slice(0, 8)} ${text}`);

let killAfterIdling: (() => Promise<Table[]>) | undefined;
const SECTIONS: Record<string, () => Promise<Table[]>> = {
  kills: () => measureKills(say, share),
  reaction: () => measureReaction(say, share),
  leak: () => measureLeak(say, share),
  cpu: () => measureCpu(say),
  memory: () => measureMemory(say),
  idle: () => killAfterIdling!(),
};

const wanted = (process.env["BENCH"] ?? Object.keys(SECTIONS).join(" ")).split(/[ ,]+/).filter((name) => name !== "");
const unknown = wanted.filter((name) => SECTIONS[name] === undefined);
if (unknown.length > 0 || !(share > 0 && share <= 1)) {
  console.error(`Give BENCH as names of sections (${Object.keys(SECTIONS).join(", ")}) and BENCH_SHARE above 0, at most 1: ${unknown.join(" ") || share}`);
  process.exit(2);
}

const machine = `${cpus().length} processors, ${cpus()[0]?.model ?? "unknown"}, Linux ${release()}, Node ${process.versions.node}`;
console.log(`${machine}\n`);
// It idles while the others are measured.
if (wanted.includes("idle")) killAfterIdling = await startIdle(say, idleMinutes);
const report: Record<string, unknown> = { machine, date: new Date().toISOString(), share };
for (const name of wanted) {
  for (const table of await SECTIONS[name]!()) {
    console.log(render(table));
    report[table.key] = { title: table.title, rows: asRecords(table), notes: table.notes };
  }
}
writeFileSync("bench.json", `${JSON.stringify(report, null, 2)}\n`);
console.log("written: bench.json");
