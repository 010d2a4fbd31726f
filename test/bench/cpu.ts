/** What watching costs: a packet live, full speed, a packet from memory, inspected bytes a second. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { measureFullSpeed } from "./cpuFullSpeed.ts";
import { measureLive } from "./cpuLive.ts";
import type { MemoryCost } from "./cpuMemory.ts";
import type { ScanSpeed } from "./cpuScan.ts";
import { percentile } from "./table.ts";
import type { Table } from "./table.ts";

export async function measureCpu(say: (text: string) => void): Promise<Table[]> {
  const live = await measureLive(say);
  const fullSpeed = await measureFullSpeed(say);
  say("CPU a packet from a capture in memory");
  const costs: MemoryCost[] = [];
  for (const stage of ["decode", "flow", "pipeline"]) costs.push(await run<MemoryCost>("cpuMemory.ts", stage));
  say("inspected bytes a second");
  return [live, fullSpeed, memoryTable(costs), scanTable(await run<ScanSpeed[]>("cpuScan.ts"))];
}

/** In a process of its own: what else ran before must not change what V8 makes of the code. */
async function run<Result>(program: string, ...words: readonly string[]): Promise<Result> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, program), ...words], { maxBuffer: 16 << 20 });
  return JSON.parse(stdout) as Result;
}

function memoryTable(costs: readonly MemoryCost[]): Table {
  const { bytesPerPacket, packets, flows } = costs.at(-1)!;
  return {
    key: "cpuMemory",
    title: "CPU a packet, from a capture in memory",
    columns: ["stage", "p10 ns/packet", "p50 ns/packet", "p90 ns/packet", "p50 Gbit/s a core", "allocated bytes/packet"],
    rows: [
      ...costs.map(({ stage, nsPerPacket, allocatedBytesPerPacket }) => [
        stage,
        percentile(nsPerPacket, 0.1),
        percentile(nsPerPacket, 0.5),
        percentile(nsPerPacket, 0.9),
        (bytesPerPacket * 8) / percentile(nsPerPacket, 0.5),
        allocatedBytesPerPacket,
      ]),
      ["Suricata 8 without rules (quoted)", NaN, "1275 to 1447", NaN, "6.1 to 7.0", NaN],
    ],
    notes: [
      `${packets} packets of ${bytesPerPacket.toFixed(0)} bytes, ${flows} connections: HTTP, bulk, request and answer, scans. CPU time of the thread, ${costs[0]!.nsPerPacket.length} runs.`,
      "Bytes allocated include what V8 itself needs, over the whole run.",
      "Quoted: one thread, another mixture (1109 bytes a packet), this machine at another time.",
    ],
  };
}

function scanTable(speeds: readonly ScanSpeed[]): Table {
  return {
    key: "inspect",
    title: "Inspected bytes a second a core, 200 literals",
    columns: ["way", "literals", "p10 MB/s", "p50 MB/s", "p90 MB/s"],
    rows: speeds.map(({ way, literals, megabytesPerSecond }) => [
      way,
      literals,
      percentile(megabytesPerSecond, 0.1),
      percentile(megabytesPerSecond, 0.5),
      percentile(megabytesPerSecond, 0.9),
    ]),
    notes: [
      "8 MiB of text in segments of 1448 bytes; literals of 8 and more bytes made of the same syllables as the text, the worst that text can be to a search that skips.",
      "Every way finds the same places. CPU time of the thread.",
    ],
  };
}
