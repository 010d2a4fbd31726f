/** `flowreset flows`: the running sensor's connection table. */
import type { Command } from "commander";
import { isIP } from "node:net";
import { ControlClient, DEFAULT_FLOW_LINES, FLOW_STATES, MAX_FLOW_LINES } from "../sensor/control/mod.ts";
import type { FlowLine, FlowQuery } from "../sensor/control/mod.ts";
import { formatEndpoint } from "./endpoint.ts";
import { ExitCode } from "./exitCode.ts";
import { UsageError } from "./failure.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import { oneOf, wholeNumber } from "./parse.ts";
import { addSocketOption, placesOf } from "./places.ts";
import type { PlaceOptions } from "./places.ts";
import { formatAge, formatBytes, formatCount } from "./quantity.ts";
import { paint } from "./style.ts";
import type { Surroundings } from "./surroundings.ts";
import { tableLines } from "./table.ts";
import type { Column } from "./table.ts";

interface FlowsWords extends PlaceOptions {
  watch?: boolean;
  interval: number;
  ip?: string;
  port?: number;
  state?: string;
  limit: number;
  json?: boolean;
}

/** Home, and clear to the end: no flicker, and what was there before stays in the scrollback. */
const HOME_AND_CLEAR = "\u001b[H\u001b[J";
const CLEAR_SCREEN = "\u001b[2J";

export function addFlowsCommand(program: Command, surroundings: Surroundings, done: (code: ExitCode) => void): void {
  const command = program
    .command("flows")
    .summary("show the running sensor's connections")
    .description("Shows the connections that the running sensor follows: both ends, state, age, bytes each way, interface, findings.")
    .option("--watch", "show it again and again; on a terminal in place")
    .option("--interval <ms>", "with --watch: milliseconds between", wholeNumber(100, 3_600_000), 1_000)
    .option("--ip <address>", "only where either end has this address")
    .option("--port <port>", "only where either end has this port", wholeNumber(1, 65_535))
    .option("--state <name>", `only in this state: ${FLOW_STATES.join(", ")}`, oneOf(FLOW_STATES))
    .option("--limit <n>", "connections at most", wholeNumber(1, MAX_FLOW_LINES), DEFAULT_FLOW_LINES)
    .option("--json", "print one JSON object a line instead of a table");
  addSocketOption(command)
    .addHelpText(
      "after",
      examplesHelp([
        ["what goes on", "sudo flowreset flows --watch"],
        ["everything of one host, for a program", "sudo flowreset flows --ip 10.0.0.7 --json"],
      ]) + exitCodesHelp([ExitCode.Ok, ExitCode.Failed, ExitCode.BadInput, ExitCode.MissingRight, ExitCode.NoSensor]),
    )
    .action(async (words: FlowsWords) => {
      if (words.ip !== undefined && isIP(words.ip) === 0) throw new UsageError(`Give --ip an address, got ${words.ip}`);
      const client = new ControlClient(placesOf(words, surroundings).socket);
      try {
        await (words.watch === true ? watch(client, words, surroundings) : show(client, words, surroundings));
      } finally {
        await client.close();
      }
      done(ExitCode.Ok);
    });
}

async function show(client: ControlClient, words: FlowsWords, { stdout, stderr, env }: Surroundings): Promise<void> {
  const query = queryOf(words);
  if (words.json === true) {
    for await (const flow of client.flows(query)) stdout.write(`${JSON.stringify(flow)}\n`);
    return;
  }
  const flows = await collect(client, query);
  stdout.write(`${tableLines(columns(stdout, env), flows).join("\n")}\n`);
  if (flows.length === words.limit) stderr.write(`only ${formatCount(words.limit)} shown: narrow it with --ip, --port or --state, or raise --limit\n`);
}

async function watch(client: ControlClient, words: FlowsWords, surroundings: Surroundings): Promise<void> {
  const { stdout, env, onSignal } = surroundings;
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  let ended = false;
  const forget = onSignal(() => {
    ended = true;
    end();
  });
  const inPlace = stdout.isTTY === true && words.json !== true;
  if (inPlace) stdout.write(CLEAR_SCREEN);
  try {
    while (!ended) {
      if (inPlace) await redraw(client, words, surroundings);
      else {
        await show(client, words, surroundings);
        if (words.json !== true) stdout.write("\n");
      }
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, words.interval))]);
    }
  } finally {
    forget();
    if (inPlace) stdout.write(paint(stdout, env, "dim", "\n"));
  }
}

/** As much as the screen holds, the liveliest first. */
async function redraw(client: ControlClient, words: FlowsWords, { stdout, env, now }: Surroundings): Promise<void> {
  const [status, flows] = [await client.status(), await collect(client, queryOf(words))];
  flows.sort((a, b) => a.idleMs - b.idleMs || a.flow_id - b.flow_id);
  const rows = Math.max(1, (stdout.rows ?? 24) - 4);
  const stopped = status.stopped ? paint(stdout, env, "red", "  STOPPED: nothing is injected") : "";
  const head = `${now().toISOString().slice(11, 19)}  ${formatCount(status.flows)} flows of ${formatCount(status.flowCapacity)}  ${formatCount(status.packets)} packets, ${formatCount(status.drops)} lost${stopped}`;
  const lines = tableLines(columns(stdout, env), flows.slice(0, rows));
  stdout.write(`${HOME_AND_CLEAR}${head}\n\n${lines.join("\n")}`);
}

function columns(stdout: Surroundings["stdout"], env: Surroundings["env"]): Column<FlowLine>[] {
  return [
    { title: "CLIENT", value: ({ client, inferred }) => `${formatEndpoint(client)}${inferred ? "?" : ""}` },
    { title: "SERVER", value: ({ server }) => formatEndpoint(server) },
    { title: "STATE", value: ({ state }) => state },
    { title: "AGE", right: true, value: ({ ageMs }) => formatAge(ageMs) },
    { title: "IDLE", right: true, value: ({ idleMs }) => formatAge(idleMs) },
    { title: "TO SERVER", right: true, value: ({ bytesToServer }) => formatBytes(bytesToServer) },
    { title: "TO CLIENT", right: true, value: ({ bytesToClient }) => formatBytes(bytesToClient) },
    { title: "INTERFACE", value: (flow) => flow.interface || "-" },
    {
      title: "FINDINGS",
      value: ({ findings }) => findings.join(", ") || "-",
      paint: (text, { findings }) => (findings.length > 0 ? paint(stdout, env, "red", text) : text),
    },
  ];
}

function queryOf({ limit, ip, port, state }: FlowsWords): FlowQuery {
  const query: FlowQuery = { limit };
  if (ip !== undefined) query.ip = ip;
  if (port !== undefined) query.port = port;
  if (state !== undefined) query.state = state;
  return query;
}

async function collect(client: ControlClient, query: FlowQuery): Promise<FlowLine[]> {
  const flows: FlowLine[] = [];
  for await (const flow of client.flows(query)) flows.push(flow);
  return flows;
}
