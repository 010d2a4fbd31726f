/**
 * Memory: of an idle sensor beside a bare Node.js, of a full flow table, and over minutes of connections that come and
 * go. BENCH_CHURN_MINUTES says how many minutes (2).
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Crowd } from "../innocents/crowd.ts";
import { Lab, pointToPoint } from "../lab/mod.ts";
import type { Network } from "../lab/mod.ts";
import { enforcing, MARK } from "../lab/policies.ts";
import { SensorProcess } from "../lab/sensor.ts";
import { benchProgram } from "./driver.ts";
import { exampleFiles } from "./examples.ts";
import { installedCopy } from "./installed.ts";
import { pidOf } from "./processTime.ts";
import { residentOf } from "./resident.ts";
import type { Resident } from "./resident.ts";
import type { Table } from "./table.ts";

const IDLE_SECONDS = 20;
const BARE_SECONDS = 3;
/** Until what the start needed has been given back (memory/restingMemory.ts). */
const SETTLED_SECONDS = 5;
const GOAL_IDLE_MB = 90;
const GOAL_TABLE_MB = 256;
const FLOWS = 1_000_000;
const FRAMES_A_SECOND = 60_000;
const CHURN_PORT = 9_000;
const CHURN_CONNECTIONS_A_SECOND = 1_000;
const ATTACK_EVERY = 500;
const POLICY = enforcing("forbidden", [{ name: "text", text: MARK }]);

type Row = Table["rows"][number];

export async function measureMemory(say: (text: string) => void): Promise<Table[]> {
  const minutes = Number(process.env["BENCH_CHURN_MINUTES"] ?? 2);
  if (!(minutes >= 2 && minutes <= 1_440)) throw new Error(`Give BENCH_CHURN_MINUTES from 2 to 1440: ${process.env["BENCH_CHURN_MINUTES"]}`);
  await using lab = await Lab.open();
  const network = await pointToPoint(lab);
  const installed = installedCopy(join(lab.directory, "installed"));
  return [await idle(lab, network, installed, say), await fullTable(lab, network, installed, say), await churn(lab, network, installed, minutes, say)];
}

async function idle(lab: Lab, network: Network, installed: string, say: (text: string) => void): Promise<Table> {
  const rows: Row[] = [];
  const add = (name: string, { totalMb, ownMb, fileMb, proportionalMb }: Resident, goal: number | "-"): void => void rows.push([name, totalMb, ownMb, fileMb, proportionalMb, goal]);
  say("memory: bare Node.js, and the sensor that has nothing to do");
  for (const [name, script] of [
    ["Node.js that waits", "setInterval(() => {}, 1e6)"],
    ["Node.js with an empty Worker", `new (require("node:worker_threads").Worker)("setInterval(() => {}, 1e6)", {eval: true})`],
  ] as const) {
    await using bare = lab.start([process.execPath, "-e", script]);
    await sleep(BARE_SECONDS * 1_000);
    add(name, residentOf(pidOf(bare)), "-");
  }
  for (const [name, program, goal] of [
    ["idle sensor, installed", installed, GOAL_IDLE_MB],
    ["idle sensor, from a checkout", undefined, "-"],
  ] as const) {
    await using sensor = await startSensor(network, program, { files: exampleFiles() });
    await sleep(IDLE_SECONDS * 1_000);
    add(name, residentOf(pidOf(sensor.process)), goal);
  }
  return {
    key: "memory-idle",
    title: "Memory of an idle sensor",
    columns: ["", "RSS MB", "own MB", "files MB", "PSS MB", "goal MB"],
    rows,
    notes: [
      `One Worker on examples/, ${IDLE_SECONDS} s after the start. "files" holds Node.js itself and the ring (8 MB).`,
      "The sensor unmaps the pages of Node.js that only its start needed: they stay in the page cache and come back with a soft fault.",
      "Installed: types stripped beforehand. A checkout strips them when it starts, and the compiler for it stays in memory.",
    ],
  };
}

async function fullTable(lab: Lab, network: Network, installed: string, say: (text: string) => void): Promise<Table> {
  say(`memory: the handshakes of ${FLOWS} connections (${Math.round((3 * FLOWS) / FRAMES_A_SECOND)} s)`);
  await using sensor = await startSensor(network, installed, { policies: { "policy.yaml": POLICY } });
  const pid = pidOf(sensor.process);
  await sleep(SETTLED_SECONDS * 1_000);
  const before = residentOf(pid);
  const program = benchProgram(lab, "flows");
  const { outside } = network;
  await outside.run([program, outside.device, String(FLOWS), String(FRAMES_A_SECOND)], { timeoutMs: 300_000 });
  await sleep(1_000);
  const after = residentOf(pid);
  if (after.ownMb - before.ownMb < 1) throw sensor.process.failure("did not see the flows");
  const flows = await sensor.metric("flowreset_flow_table_flows");
  const growth = after.totalMb - before.totalMb;
  return {
    key: "memory-flows",
    title: "Memory of a full flow table",
    columns: ["", "RSS MB", "own MB", "goal MB"],
    rows: [
      ["before", before.totalMb, before.ownMb, "-"],
      [`with ${flows} flows`, after.totalMb, after.ownMb, "-"],
      ["the flows", Math.round(growth * 10) / 10, Math.round((after.ownMb - before.ownMb) * 10) / 10, GOAL_TABLE_MB],
    ],
    notes: [
      `The real sensor, installed, one Worker; handshakes from a raw socket, ${FRAMES_A_SECOND} frames a second, no payload.`,
      "Reassembly and partial matches have limits of their own (sensor/flow/limits.ts, sensor/detect/limits.ts).",
    ],
  };
}

async function churn(lab: Lab, network: Network, installed: string, minutes: number, say: (text: string) => void): Promise<Table> {
  say(`memory: ${minutes} minutes of connections that come and go`);
  await using sensor = await startSensor(network, installed, { policies: { "policy.yaml": POLICY }, arguments: ["--events", join(lab.directory, "churn.json")] });
  const pid = pidOf(sensor.process);
  const { client, server } = network;
  const crowd = await Crowd.start(lab, { inFlight: 512, rate: CHURN_CONNECTIONS_A_SECOND, attackEvery: ATTACK_EVERY, seed: 1 });
  crowd.listen(server.namespace.name, server.ipv4, CHURN_PORT);
  crowd.route({ name: "churn", netns: client.namespace.name, from: client.ipv4, to: server.ipv4, port: CHURN_PORT, weight: 1 });
  const rows: Row[] = [];
  const samples: { minute: number; totalMb: number }[] = [];
  const take = (minute: number): void => {
    const { totalMb, ownMb, fileMb, proportionalMb } = residentOf(pid);
    samples.push({ minute, totalMb });
    const { innocents, attacks, cut, failures } = crowd.progress;
    rows.push([`minute ${minute}`, totalMb, ownMb, fileMb, proportionalMb, innocents, attacks, cut, failures]);
  };
  await sleep(SETTLED_SECONDS * 1_000);
  take(0);
  // More than it can do in that time: the clock ends it.
  crowd.go(CHURN_CONNECTIONS_A_SECOND * 60 * minutes * 2);
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(60_000);
    if (crowd.isOver) throw crowd.process.failure("ended before its time");
    take(minute);
  }
  await crowd.process.stop("SIGKILL");
  const [first, last] = [samples[1]!, samples.at(-1)!];
  const growth = (last.totalMb - first.totalMb) / (last.minute - first.minute);
  const shown = new Set([0, 1, Math.ceil(minutes / 2), minutes]);
  return {
    key: "memory-churn",
    title: `Memory over ${minutes} minutes of connections that come and go`,
    columns: ["", "RSS MB", "own MB", "files MB", "PSS MB", "connections", "attacks", "cut", "failures"],
    rows: rows.filter((_, minute) => shown.has(minute)),
    notes: [
      `Growth after the first minute: ${growth.toFixed(2)} MB a minute (goal 0). In the first, pages are touched for the first time.`,
      `Up to ${CHURN_CONNECTIONS_A_SECOND} connections a second through one node, one of ${ATTACK_EVERY} an attack that is cut; counts lag by a second.`,
      "Closed connections stay in the table for 10 s, so it holds up to 10,000 of them.",
    ],
  };
}

function startSensor(network: Network, program: string | undefined, setup: Parameters<typeof SensorProcess.start>[1]): Promise<SensorProcess> {
  return SensorProcess.start(network.node, { ...setup, ...(program === undefined ? {} : { program }) });
}
