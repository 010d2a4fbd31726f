/** One upload at full speed in super-packets of 64 KiB: does the sensor follow, and what does it take from the traffic? */
import { setTimeout as sleep } from "node:timers/promises";
import { bridge, findTool, iperfClient, iperfServer, Lab } from "../lab/mod.ts";
import type { Network } from "../lab/mod.ts";
import { SensorProcess } from "../lab/sensor.ts";
import { exampleFiles } from "./examples.ts";
import { cpuNs, pidOf } from "./processTime.ts";
import type { Cell, Table } from "./table.ts";

const WARM_UP_MS = 2_000;
const WINDOW_MS = 5_000;
const LOAD_SECONDS = 20;

export async function measureFullSpeed(say: (text: string) => void): Promise<Table> {
  await using lab = await Lab.open(["curl", "iperf3"]);
  const network = await bridge(lab);
  await iperfServer(network.server);
  const rows: Cell[][] = [];
  say("full speed: nobody watches");
  rows.push(["nobody watches", await gigabitsDuring(network, () => sleep(WINDOW_MS)), NaN, NaN, NaN, NaN]);
  if (findTool("tcpdump") !== undefined) {
    say("full speed: tcpdump");
    await using tcpdump = network.node.start(["tcpdump", "-n", "-i", network.client.nodeDevice, "-w", "/dev/null", "tcp"]);
    await tcpdump.waitForOutput(/listening on/);
    const pid = pidOf(tcpdump);
    let used = 0;
    const gigabits = await gigabitsDuring(network, async () => void (used = await cpuDuring(pid)));
    await tcpdump.stop("SIGINT");
    rows.push(["tcpdump -w /dev/null, looks at nothing", gigabits, used * 100, used * 8e9 / (gigabits * 1e6), NaN, Number(/(\d+) packets? dropped by kernel/.exec(tcpdump.stderr)?.[1] ?? 0)]);
  }
  say("full speed: FlowReset");
  await using sensor = await SensorProcess.start(network.node, { files: exampleFiles() });
  const pid = pidOf(sensor.process);
  const count = async () => [await sensor.metric("flowreset_capture_cut_short_packets_total"), await sensor.metric("flowreset_capture_dropped_packets_total")];
  let used = 0;
  let counted: number[] = [];
  const gigabits = await gigabitsDuring(network, async () => {
    const before = await count();
    used = await cpuDuring(pid);
    counted = (await count()).map((value, i) => value - before[i]!);
  });
  rows.push(["FlowReset, ring", gigabits, used * 100, used * 8e9 / (gigabits * 1e6), ...counted]);
  return {
    key: "cpuFullSpeed",
    title: "One upload at full speed, offloads on",
    columns: ["tool", "Gbit/s", "core %", "ns/kB", "super-packets cut", "lost"],
    rows,
    notes: [
      `iperf3 between two pods on one bridge for ${WINDOW_MS / 1e3} s, both ends and the tool on the same cores; every byte is looked at for the example policy stop-marked-document.`,
      "Cut: there was no room for the super-packet beside the ring; its headers were followed, its content was not seen.",
    ],
  };
}

/** Share of a core. */
async function cpuDuring(pid: number): Promise<number> {
  const [cpu, start] = [cpuNs(pid), performance.now()];
  await sleep(WINDOW_MS);
  return (cpuNs(pid) - cpu) / 1e6 / (performance.now() - start);
}

/** Of the upload meanwhile: what the client says of each tenth of a second. */
async function gigabitsDuring({ client, server }: Network, work: () => Promise<unknown>): Promise<number> {
  await using upload = await iperfClient(client, { address: server.ipv4, seconds: LOAD_SECONDS });
  await sleep(WARM_UP_MS);
  const before = upload.stdout.length;
  await work();
  const speeds = [...upload.stdout.slice(before).matchAll(/([\d.]+) ([MG])bits\/sec/g)].map(([, number, unit]) => Number(number) * (unit === "M" ? 1e-3 : 1));
  return speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length;
}
