/** What passes after the trigger: bytes that the reading program still got. */
import { bridge, Lab } from "../lab/mod.ts";
import { drive } from "./driver.ts";
import type { Kind } from "./driver.ts";
import { Configuration, Subject } from "./subject.ts";
import { percentile } from "./table.ts";
import type { Table } from "./table.ts";

const PORT = 9_000;
const LOADS: readonly { readonly name: string; readonly kind: Kind; readonly count: number; readonly goals: readonly [blocking: string, busyPoll: string] }[] = [
  { name: "50 Mbit/s in bursts of 1 ms", kind: "up50", count: 100, goals: ["7", "7"] },
  { name: "1 Gbit/s in bursts of 1 ms", kind: "up1000", count: 60, goals: ["rate x p50 + 131", "100"] },
  { name: "full speed", kind: "upfull", count: 60, goals: ["rate x p50 + 131", "100"] },
];

export async function measureLeak(say: (text: string) => void, share: number): Promise<Table[]> {
  await using lab = await Lab.open();
  const network = await bridge(lab);
  const { client, server, node } = network;
  const rows: Table["rows"][number][] = [];
  let port = PORT;
  for (const [number, configuration] of [Configuration.Blocking, Configuration.BusyPoll].entries()) {
    const subject = await Subject.start(lab, node, configuration);
    for (const { name, kind, count: whole, goals } of LOADS) {
      const count = Math.max(5, Math.round(whole * share));
      say(`bytes after the trigger: ${name}, ${configuration.name}`);
      const { connections } = await drive({ client, server, address: server.ipv4, port: port++, kind, count });
      await subject.events(count);
      const past = connections.map(({ bytesPast }) => bytesPast / 1000);
      const both = connections.filter(({ clientDied, serverDied }) => clientDied && serverDied).length;
      rows.push([name, configuration.name, count, (100 * both) / count, percentile(past, 0.5), percentile(past, 0.9), Math.max(...past), goals[number]!]);
    }
    await subject.stop();
  }
  return [{
    key: "leak",
    title: "Bytes that passed after the trigger",
    columns: ["upload", "configuration", "n", "both dead %", "p50 kB", "p90 kB", "max kB", "goal p50 kB"],
    rows,
    notes: ["Offloads on, so that a packet is up to 64 KiB; sender, receiver and sensor share the machine's processors."],
  }];
}
