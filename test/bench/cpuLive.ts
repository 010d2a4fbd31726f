/** CPU a packet on live traffic: the real sensor, libpcap and tcpdump beside it, all under the same offered load. */
import { setTimeout as sleep } from "node:timers/promises";
import { bridge, findTool, Lab } from "../lab/mod.ts";
import type { Network } from "../lab/mod.ts";
import { SensorProcess } from "../lab/sensor.ts";
import { exampleFiles } from "./examples.ts";
import { dropLoad, LOAD_CONNECTIONS, LOAD_PAYLOAD_BYTES, startLoad } from "./load.ts";
import { cpuNs, pidOf, sleeps } from "./processTime.ts";
import type { Cell, Table } from "./table.ts";

const BUSY_PACKETS_PER_SECOND = 100_000;
const QUIET_PACKETS_PER_SECOND = 1_000;
/** Until the sensor's code is compiled and its pace has settled. */
const WARM_UP_MS = 3_000;
const WINDOW_MS = 6_000;
/** The load outlasts both, and the scrapes between. */
const LOAD_SECONDS = 12;

/** What one tool did in the window. */
interface Measured {
  readonly cpuNs: number;
  readonly seconds: number;
  readonly offered: number;
  readonly captured: number;
  readonly lost: number;
  readonly sleeps: number;
}

export async function measureLive(say: (text: string) => void): Promise<Table> {
  await using lab = await Lab.open(["curl", "nft"]);
  const network = await bridge(lab);
  await dropLoad(network);
  const rows: Cell[][] = [];
  const add = async (name: string, packetsPerSecond: number, measure: () => Promise<Measured>) => {
    say(`CPU a packet: ${name}, ${packetsPerSecond} packets a second`);
    const load = await startLoad(network, packetsPerSecond, LOAD_SECONDS);
    try {
      rows.push(row(name, packetsPerSecond, await measure()));
    } finally {
      await load.stop();
    }
  };
  const sensors: { name: string; arguments: string[] }[] = [
    { name: "FlowReset, ring", arguments: [] },
    { name: "FlowReset, ring, one pod's interface", arguments: ["--interface", network.client.nodeDevice] },
    ...(isCapBuilt() ? [{ name: "FlowReset, libpcap, one pod's interface", arguments: ["--capture", "libpcap", "--interface", network.client.nodeDevice] }] : []),
  ];
  for (const { name, arguments: words } of sensors) {
    await using sensor = await SensorProcess.start(network.node, { files: exampleFiles(), arguments: words });
    await add(name, BUSY_PACKETS_PER_SECOND, () => measureSensor(sensor, BUSY_PACKETS_PER_SECOND));
    if (words.length === 0) await add(`${name}, quiet`, QUIET_PACKETS_PER_SECOND, () => measureSensor(sensor, QUIET_PACKETS_PER_SECOND));
  }
  if (findTool("tcpdump") !== undefined) await add("tcpdump -w /dev/null, one pod's interface", BUSY_PACKETS_PER_SECOND, () => measureTcpdump(network));
  rows.push(["goal", BUSY_PACKETS_PER_SECOND, 0.3, NaN, 0, NaN, NaN, NaN]);
  rows.push(["Suricata 8, block ring (quoted)", BUSY_PACKETS_PER_SECOND, "0.24 to 0.30", NaN, 0, NaN, NaN, NaN]);
  rows.push(["Suricata 8, woken for each (quoted)", BUSY_PACKETS_PER_SECOND, "4.15 to 4.23", NaN, 0, NaN, NaN, NaN]);
  return {
    key: "cpuLive",
    title: "CPU a packet, live",
    columns: ["tool", "offered/s", "us/packet offered", "us/packet captured", "lost", "sleeps/s", "captured/s", "core %"],
    rows,
    notes: [
      `Load: ${LOAD_CONNECTIONS} connections between two pods on one bridge, half of the packets with ${LOAD_PAYLOAD_BYTES} bytes, in bursts of 16; four example policies.`,
      "utime + stime of the whole process over packets; the copy into the ring happens in the sender's softirq and is not counted.",
      "As shipped the sensor watches every interface; of a packet between two pods the filter drops the second copy in the kernel.",
      "'lost' is the kernel's count; libpcap's binding tells of none, what it lost is the difference of offered and captured.",
      "A sleep takes 16 us of this processor (a virtual machine's) however long it is: sleeps/s times that is the floor.",
      "Quoted: iperf3 UDP of 200 bytes, no rules, on one interface of this machine at another time; it wakes every 10 ms.",
    ],
  };
}

function row(name: string, packetsPerSecond: number, { cpuNs: used, seconds, offered, captured, lost, sleeps: slept }: Measured): Cell[] {
  return [name, packetsPerSecond, used / 1e3 / offered, used / 1e3 / captured, lost, Math.round(slept / seconds), Math.round(captured / seconds), (used / 1e7) / seconds];
}

async function measureSensor(sensor: SensorProcess, packetsPerSecond: number): Promise<Measured> {
  const pid = pidOf(sensor.process);
  const count = async () => ({ captured: await sensor.metric("flowreset_packets_total"), lost: await sensor.metric("flowreset_capture_dropped_packets_total") });
  return measureWindow(pid, packetsPerSecond, count);
}

async function measureTcpdump({ node, client }: Network): Promise<Measured> {
  const tcpdump = node.start(["tcpdump", "-n", "-i", client.nodeDevice, "-w", "/dev/null", "tcp"]);
  await tcpdump.waitForOutput(/listening on/);
  const pid = pidOf(tcpdump);
  const measured = await measureWindow(pid, BUSY_PACKETS_PER_SECOND, () => Promise.resolve({ captured: 0, lost: 0 }));
  await tcpdump.stop("SIGINT");
  const lost = Number(/(\d+) packets? dropped by kernel/.exec(tcpdump.stderr)?.[1] ?? 0);
  return { ...measured, captured: measured.offered, lost };
}

async function measureWindow(pid: number, packetsPerSecond: number, count: () => Promise<{ captured: number; lost: number }>): Promise<Measured> {
  await sleep(WARM_UP_MS);
  const before = await count();
  const countedAt = performance.now();
  const [cpu, slept, start] = [cpuNs(pid), sleeps(pid), performance.now()];
  await sleep(WINDOW_MS);
  const [cpuEnd, sleptEnd, end] = [cpuNs(pid), sleeps(pid), performance.now()];
  const after = await count();
  const seconds = (end - start) / 1e3;
  const counted = (performance.now() - countedAt) / 1e3;
  return {
    cpuNs: cpuEnd - cpu,
    seconds,
    offered: packetsPerSecond * seconds,
    // The counts were taken a moment before and after.
    captured: ((after.captured - before.captured) * seconds) / counted,
    lost: after.lost - before.lost,
    sleeps: sleptEnd - slept,
  };
}

function isCapBuilt(): boolean {
  try {
    process.getBuiltinModule("node:module").createRequire(import.meta.url)("cap");
    return true;
  } catch {
    return false;
  }
}
