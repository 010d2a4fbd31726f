/**
 * `make bench-cluster`: what the product does in a cluster and to it, measured on this machine, as tables and as
 * bench-cluster.json. BENCH="scale kill" takes some sections only; each says what else can be set.
 */
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { asRecords, render } from "../../bench/table.ts";
import type { Table } from "../../bench/table.ts";
import { measureScale } from "./scale.ts";

const startMs = performance.now();
const say = (text: string): void => console.error(`   ${new Date().toTimeString().slice(0, 8)} ${text}`);

const SECTIONS: Record<string, () => Promise<Table[]>> = {
  scale: () => measureScale(say),
};

const wanted = (process.env["BENCH"] ?? Object.keys(SECTIONS).join(" ")).split(/[ ,]+/).filter((name) => name !== "");
const unknown = wanted.filter((name) => SECTIONS[name] === undefined);
if (unknown.length > 0) {
  console.error(`Give BENCH as names of sections (${Object.keys(SECTIONS).join(", ")}): ${unknown.join(" ")}`);
  process.exit(2);
}

const machine = `${cpus().length} processors, ${cpus()[0]?.model ?? "unknown"}, Linux ${release()}, Node ${process.versions.node}`;
console.log(`${machine}\n`);
const report: Record<string, unknown> = { machine, date: new Date().toISOString() };
for (const name of wanted) {
  for (const table of await SECTIONS[name]!()) {
    console.log(render(table));
    report[table.key] = { title: table.title, rows: asRecords(table), notes: table.notes };
  }
}
writeFileSync("bench-cluster.json", `${JSON.stringify(report, null, 2)}\n`);
console.log(`written: bench-cluster.json, after ${Math.round((performance.now() - startMs) / 1_000)} s`);
