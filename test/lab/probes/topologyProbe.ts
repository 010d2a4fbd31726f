/**
 * A Topology, for topology.test.ts: for each line of addresses on standard input (comma-separated) one JSON line of
 * what is known now.
 */
import { createInterface } from "node:readline";
import { parseAddress } from "../../../sensor/decode/mod.ts";
import { HomesReader, Topology } from "../../../sensor/topology/mod.ts";
import type { NetworkInterface, TopologyStatistics } from "../../../sensor/topology/mod.ts";

export interface TopologyAnswer {
  interfaces: readonly NetworkInterface[];
  homes: Record<string, { home: number; kind: number; local: boolean; shared: boolean }>;
  shared: string[];
  statistics: TopologyStatistics;
  /** Times that the list of interfaces has changed. */
  changes: number;
}

let changes = 0;
const topology = await Topology.start({
  onFault: (error) => {
    console.error(error);
    process.exit(1);
  },
});
topology.onChange(() => changes++);
const reader = new HomesReader(topology.homes);

createInterface(process.stdin).on("line", (line) => {
  const homes: TopologyAnswer["homes"] = {};
  for (const text of line.split(",").filter((address) => address !== "")) {
    const [word0, word1, word2, word3] = parseAddress(text)!;
    const home = reader.homeOf(word0!, word1!, word2!, word3!);
    homes[text] = {
      home, kind: reader.kindOf(home),
      local: reader.isLocal(word0!, word1!, word2!, word3!),
      shared: reader.isShared(word0!, word1!, word2!, word3!),
    };
  }
  const answer: TopologyAnswer = { interfaces: topology.interfaces(), homes, shared: topology.sharedAddresses(), statistics: topology.statistics(), changes };
  console.log(JSON.stringify(answer));
}).on("close", () => topology.close());
console.log(JSON.stringify("ready"));
