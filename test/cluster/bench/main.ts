/**
 * `make bench-cluster`: what the product does in a cluster and to it, measured on this machine, as tables and as
 * bench-cluster.json. BENCH="scale kill" takes some sections only; each says what else can be set.
 */
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { asRecords, render } from "../../bench/table.ts";
import type { Table } from "../../bench/table.ts";
import { measureKill } from "./kill.ts";
import { openKillGrounds } from "./killGround.ts";
import { measureMemory } from "./memory.ts";
import { installProduct } from "./product.ts";
import type { InstalledProduct } from "./product.ts";
import { measureScale } from "./scale.ts";

const startMs = performance.now();
const say = (text: string): void => console.error(`   ${new Date().toTimeString().slice(0, 8)} ${text}`);

/** Shared by the sections that need it. */
let product: InstalledProduct | undefined;
const installed = async (): Promise<InstalledProduct> => (product ??= await installProduct(say));

const SECTIONS: Record<string, () => Promise<Table[]>> = {
  scale: () => measureScale(say),
  memory: async () => measureMemory(say, (await installed()).cluster),
  kill: async () => {
    const { grounds, close } = await openKillGrounds((await installed()).cluster);
    try {
      return await measureKill(say, grounds);
    } finally {
      await close();
    }
  },
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
try {
  for (const name of wanted) {
    for (const table of await SECTIONS[name]!()) {
      console.log(render(table));
      report[table.key] = { title: table.title, rows: asRecords(table), notes: table.notes };
    }
  }
} finally {
  await (product as InstalledProduct | undefined)?.close();
}
writeFileSync("bench-cluster.json", `${JSON.stringify(report, null, 2)}\n`);
console.log(`written: bench-cluster.json, after ${Math.round((performance.now() - startMs) / 1_000)} s`);
