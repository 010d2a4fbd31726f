/** From the trigger on the wire to the first RST on the wire, beside a program that does nothing else. */
import { bridge, Lab } from "../lab/mod.ts";
import type { Network } from "../lab/mod.ts";
import { benchProgram, drive } from "./driver.ts";
import { dropLoad, startLoad } from "./load.ts";
import { Configuration, Subject } from "./subject.ts";
import { percentile } from "./table.ts";
import type { Table } from "./table.ts";
import { Wire } from "./wire.ts";

const PORT = 9_000;
/** Runs of each contestant, in turn, so that what the machine does meanwhile meets them all. */
const ROUNDS = 3;
const CONNECTIONS = 150;
/** The limit's RST leaves the server alive: a connection need not wait for its end. */
const LIVES_MS = 100;
/** The machine goes back to sleep between two connections. */
const PAUSE_MS = 5;

const LOAD_PACKETS_PER_SECOND = 100_000;
/** At most, should nobody stop it. */
const LOAD_SECONDS = 60;

interface Contestant {
  readonly name: string;
  /** Starts it; returns how to end it. */
  start(network: Network): Promise<() => Promise<unknown>>;
}

const SUBJECTS: readonly Contestant[] = [
  { name: "flowreset, blocking", start: sensor(Configuration.Blocking) },
  { name: "limit in C, blocking", start: limit([]) },
  { name: "flowreset, busy-poll 2 ms", start: sensor(Configuration.BusyPoll) },
  { name: "limit in C, spinning", start: limit(["spin"]) },
];

export async function measureReaction(say: (text: string) => void, share: number): Promise<Table[]> {
  const count = Math.max(20, Math.round(CONNECTIONS * share));
  return [await measure("quiet", 0, say, count), await measure("loaded", LOAD_PACKETS_PER_SECOND, say, count)];
}

async function measure(load: string, packetsPerSecond: number, say: (text: string) => void, count: number): Promise<Table> {
  await using lab = await Lab.open(["tcpdump"]);
  const network = await bridge(lab);
  await dropLoad(network);
  const samples = new Map<string, number[]>(SUBJECTS.map(({ name }) => [name, []]));
  const died = new Map<string, number>();
  let port = PORT;
  for (let round = 1; round <= ROUNDS; round++) {
    for (const { name, start } of SUBJECTS) {
      say(`reaction, ${load}, round ${round} of ${ROUNDS}: ${name}`);
      const end = await start(network);
      const traffic = packetsPerSecond === 0 ? undefined : await startLoad(network, packetsPerSecond, LOAD_SECONDS);
      const wire = await Wire.watch(network.node, [network.client.nodeDevice, network.server.nodeDevice]);
      const { client, server } = network;
      const { connections } = await drive({ client, server, address: server.ipv4, port, kind: "idle", count, limitMs: LIVES_MS, pauseMs: PAUSE_MS });
      samples.get(name)!.push(...(await wire.reactions(port++)));
      died.set(name, (died.get(name) ?? 0) + connections.filter(({ clientDied }) => clientDied).length);
      await traffic?.stop();
      await end();
    }
  }
  return {
    key: `reaction-${load}`,
    title: `Trigger on the wire to first RST on the wire, ${packetsPerSecond === 0 ? load : `with ${packetsPerSecond} packets a second of other traffic`}`,
    columns: ["", "n", "client dead", "p50 us", "p90 us", "p99 us", "max us", "p50 / limit", "p99 / limit", "goal"],
    rows: SUBJECTS.map(({ name }, number) => {
      const own = samples.get(name)!;
      const beside = samples.get(SUBJECTS[1]!.name)!;
      const [p50, p99] = [percentile(own, 0.5), percentile(own, 0.99)];
      return [
        name, ROUNDS * count, died.get(name)!, p50, percentile(own, 0.9), p99, Math.max(...own),
        p50 / percentile(beside, 0.5), p99 / percentile(beside, 0.99), ["1.25 and 2", "-", "below 1", "-"][number]!,
      ];
    }),
    notes: [
      `tcpdump on the interfaces of both pods, ${ROUNDS} rounds in turn; ratios against the blocking limit.`,
      "The limit in C: poll, recv, memmem, sendto; it kills one end, and proves nothing.",
    ],
  };
}

function sensor(configuration: Configuration): Contestant["start"] {
  return async ({ lab, node }) => {
    const subject = await Subject.start(lab, node, configuration);
    return () => subject.stop();
  };
}

function limit(words: readonly string[]): Contestant["start"] {
  return async ({ lab, node, client }) => {
    const process = node.start([benchProgram(lab, "limit"), client.nodeDevice, "KILLMENOW", "600", ...words]);
    await process.waitForOutput(/^ready$/m);
    return () => process.stop();
  };
}
