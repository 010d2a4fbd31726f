/** The first kill of a sensor that has seen nothing for ten minutes, beside those that follow. */
import { setTimeout as sleep } from "node:timers/promises";
import { bridge, Lab } from "../lab/mod.ts";
import { drive } from "./driver.ts";
import { Configuration, Subject } from "./subject.ts";
import { percentile } from "./table.ts";
import type { Table } from "./table.ts";

const PORT = 9_000;
const FOLLOWING = 100;
const PAUSE_MS = 20;

/** Begins to be idle now, in a lab of its own; the function that is returned waits for the rest of the time and kills. */
export async function startIdle(say: (text: string) => void, minutes: number): Promise<() => Promise<Table[]>> {
  const lab = await Lab.open();
  const { client, server, node } = await bridge(lab);
  const subject = await Subject.start(lab, node, Configuration.Blocking);
  const startedMs = performance.now();
  return async () => {
    try {
      const leftMs = minutes * 60_000 - (performance.now() - startedMs);
      if (leftMs > 0) say(`the idle sensor: ${(leftMs / 1000).toFixed(0)} s more`);
      await sleep(Math.max(0, leftMs));
      const kill = async (count: number, port: number) => {
        const { connections } = await drive({ client, server, address: server.ipv4, port, kind: "idle", count, pauseMs: PAUSE_MS });
        const events = await subject.events(count);
        const firstRst = events.filter(({ event_type }) => event_type === "reset").map(({ flowreset }) => flowreset.time_to_first_rst_us ?? NaN);
        return { dead: connections.map(({ clientMs, serverMs }) => Math.max(clientMs, serverMs)), firstRst };
      };
      const first = await kill(1, PORT);
      const following = await kill(FOLLOWING, PORT + 1);
      return [{
        key: "idle",
        title: `First kill after ${minutes} idle minutes`,
        columns: ["", "n", "first RST us p50", "first RST us p99", "both dead ms p50", "both dead ms p99"],
        rows: [["the first", first], ["the following", following]].map(([name, found]) => {
          const { dead, firstRst } = found as typeof first;
          return [name as string, dead.length, percentile(firstRst, 0.5), percentile(firstRst, 0.99), percentile(dead, 0.5), percentile(dead, 0.99)];
        }),
        notes: ["No packet reached that sensor before; other sections of the benchmark ran on the machine meanwhile."],
      }];
    } finally {
      await subject.stop();
      await lab.close();
    }
  };
}
