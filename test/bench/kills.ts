/** Reset success: whether both ends of real connections die, when, at what cost, and that nobody else does. */
import { Lab, missingTools } from "../lab/mod.ts";
import type { Network } from "../lab/mod.ts";
import type { SensorEvent } from "../lab/sensor.ts";
import { SUITES } from "./cells.ts";
import type { Cell, Suite } from "./cells.ts";
import { drive } from "./driver.ts";
import type { Driven } from "./driver.ts";
import { Configuration, Subject } from "./subject.ts";
import { percentile } from "./table.ts";
import type { Table } from "./table.ts";
import { tcpkill } from "./tcpkill.ts";

const PORT = 9_000;

const COLUMNS = [
  "trigger, then", "IP", "n", "both dead %", "confirmed %", "wrong", "client ms p50", "client ms p99", "server ms p50", "server ms p99",
  "confirmed ms p50", "confirmed ms p99", "RSTs p50", "RSTs max", "past kB p50", "past kB p99", "tcpkill both %",
];

interface Totals {
  connections: number;
  bothDead: number;
  confirmed: number;
  wrong: number;
  established: number;
}

/** @param share of each cell's connections: 1 makes 10,000 */
export async function measureKills(say: (text: string) => void, share: number): Promise<Table[]> {
  const totals: Totals = { connections: 0, bothDead: 0, confirmed: 0, wrong: 0, established: 0 };
  const tables: Table[] = [];
  for (const [number, suite] of SUITES.entries()) tables.push(await measureSuite(suite, `kills-${number + 1}`, share, totals, say));
  const { connections, bothDead, confirmed, wrong, established } = totals;
  tables.push({
    key: "kills",
    title: "Reset success in all",
    columns: ["", "value", "goal"],
    rows: [
      ["connections with a trigger", connections, share === 1 ? 10_000 : "-"],
      ["dead at both ends", bothDead, connections],
      ["outcome Confirmed", confirmed, connections],
      ["innocent connections hurt", wrong, 0],
      ["conntrack entries left ESTABLISHED", established, 0],
    ],
    notes: ["The shipped sensor, blocking; ms since the trigger's send(); the driver, both ends and the sensor share the machine."],
  });
  return tables;
}

async function measureSuite(suite: Suite, key: string, share: number, totals: Totals, say: (text: string) => void): Promise<Table> {
  await using lab = await Lab.open(["ethtool"]);
  const network = await suite.open(lab);
  const server = suite.server(network);
  const subject = await Subject.start(lab, network.node, Configuration.Blocking);
  const peers = suite.hasPeer ? missingTools(["tcpkill"]) : "";
  const rows: Table["rows"][number][] = [];
  let port = PORT;
  for (const cell of suite.cells) {
    const count = Math.max(5, Math.round(cell.count * share));
    say(`${suite.name}: ${cell.name}, IPv${cell.family}, ${count} connections`);
    const address = cell.family === 4 ? server.ipv4 : server.ipv6;
    const { connections, neighbourLived } = await drive({ client: network.client, server, address, port: port++, ...cell, count });
    const events = await subject.events(count);
    rows.push([...row(cell, connections, events, neighbourLived, totals), "-"]);
  }
  totals.established += await establishedLeft(network);
  await subject.stop();
  if (suite.hasPeer && peers === undefined) {
    for (const [number, cell] of suite.cells.entries()) {
      if (cell.family !== 4) continue;
      say(`tcpkill: ${cell.name}`);
      const peer = await tcpkill(network, server, cell, port++);
      rows[number] = [...rows[number]!.slice(0, -1), peer];
    }
  }
  return {
    key,
    title: `Reset success: ${suite.name}`,
    columns: COLUMNS,
    rows,
    notes: suite.hasPeer ? ["tcpkill -9 (dsniff), started 60 ms before the trigger with the connection's port, 10 connections a cell; it has no IPv6.", ...(peers === undefined ? [] : [peers])] : [],
  };
}

function row(cell: Cell, connections: readonly Driven[], events: readonly SensorEvent[], neighbourLived: boolean, totals: Totals): (string | number)[] {
  const ports = new Set(connections.map(({ port }) => port));
  const isOurs = ({ flow }: SensorEvent): boolean => ports.has(flow.src_port) || ports.has(flow.dest_port);
  const outcomes = events.filter(({ event_type }) => event_type === "outcome");
  // NAT shows a connection under two tuples: one of them is confirmed for both.
  const confirmedPorts = new Set(outcomes.filter(({ flowreset }) => flowreset.outcome === "Confirmed").map(({ flow }) => (ports.has(flow.src_port) ? flow.src_port : flow.dest_port)));
  const confirmed = [...ports].filter((port) => confirmedPorts.has(port)).length;
  const both = connections.filter(({ clientDied, serverDied }) => clientDied && serverDied).length;
  const wrong = events.filter((event) => event.event_type === "reset" && !isOurs(event)).length + (neighbourLived ? 0 : 1);
  const of = (pick: (driven: Driven) => number) => connections.map(pick).filter((value) => value >= 0);
  const clientMs = of(({ clientMs }) => clientMs);
  const serverMs = of(({ serverMs }) => serverMs);
  const confirmedMs = outcomes.map(({ flowreset }) => flowreset.time_to_confirmed_us ?? NaN).filter(Number.isFinite).map((us) => us / 1000);
  const rsts = outcomes.map(({ flowreset }) => flowreset.rsts ?? 0);
  const past = of(({ bytesPast }) => bytesPast / 1000);
  totals.connections += connections.length;
  totals.bothDead += both;
  totals.confirmed += confirmed;
  totals.wrong += wrong;
  const share = (count: number) => (100 * count) / connections.length;
  return [
    cell.name, `v${cell.family}`, connections.length, share(both), share(confirmed), wrong,
    percentile(clientMs, 0.5), percentile(clientMs, 0.99), percentile(serverMs, 0.5), percentile(serverMs, 0.99),
    percentile(confirmedMs, 0.5), percentile(confirmedMs, 0.99), percentile(rsts, 0.5), Math.max(0, ...rsts),
    percentile(past, 0.5), percentile(past, 0.99),
  ];
}

/** Entries that would stay for five days; the neighbours have closed in order. */
async function establishedLeft({ node }: Network): Promise<number> {
  return ((await node.conntrack()) ?? []).filter((line) => / ESTABLISHED /.test(line)).length;
}
