/** `flowreset kill`: resets named connections now and says what became of each. */
import { Option } from "commander";
import type { Command } from "commander";
import { ControlClient, NoSensor } from "../sensor/control/mod.ts";
import type { ResetEndpoint, ResetLine, ResetSpec } from "../sensor/control/mod.ts";
import { parseEndpoint } from "./endpoint.ts";
import { ExitCode } from "./exitCode.ts";
import { UsageError } from "./failure.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import { killExitCode, KillReport } from "./killReport.ts";
import { resetByOneShot } from "./oneShot.ts";
import { duration, wholeNumber } from "./parse.ts";
import { addSocketOption, addStopFileOption, placesOf } from "./places.ts";
import type { PlaceOptions } from "./places.ts";
import type { Surroundings } from "./surroundings.ts";

interface KillWords extends PlaceOptions {
  client?: string;
  server?: string;
  target: keyof typeof TARGETS;
  hold: string;
  maxFlows: number;
  wait: string;
  look: string;
  interface?: string[];
  reason: string;
  dryRun?: boolean;
  json?: boolean;
}

type Crds = typeof import("../crds/mod.ts");

const TARGETS = { both: "Both", client: "Client", server: "Server" } as const;

export function addKillCommand(program: Command, surroundings: Surroundings, done: (code: ExitCode) => void): void {
  const command = program
    .command("kill")
    .summary("reset named connections now and say what became of each")
    .description(
      "Asks the running sensor, else looks and resets by itself (needs CAP_NET_RAW). The client is the side that opened " +
        "the connection. At least one side is an address or a narrow prefix; more connections than --max-flows and none is " +
        "reset. Protected endpoints, your own ssh session among them, are never reset.",
    )
    .option("--client <ip[:port]>", "who opened the connection; IPv6 in brackets; prefixes from /24 or /64; :PORT for any address")
    .option("--server <ip[:port]>", "who was called")
    .addOption(new Option("--target <side>", "who gets the reset").choices(Object.keys(TARGETS)).default("both"))
    .option("--hold <duration>", "also refuse new connections of the same client, server and port for so long", duration, "0s")
    .option("--max-flows <n>", "more connections than this and none is reset", wholeNumber(1, 10_000), 100)
    .option("--wait <duration>", "wait so long for the outcomes", duration, "60s")
    .option("--look <duration>", "without a running sensor: look at traffic for so long first", duration, "2s")
    .option("--interface <name...>", "without a running sensor: interfaces to look at (default: all)")
    .option("--reason <text>", "kept in the events", "")
    .option("--dry-run", "say what would be reset, reset nothing")
    .option("--json", "print JSON lines as they become known");
  addStopFileOption(addSocketOption(command))
    .addHelpText(
      "after",
      examplesHelp([
        ["one connection", "sudo flowreset kill --client 10.0.0.7:43122 --server 203.0.113.9:443"],
        ["everything between two hosts, and keep them apart for ten minutes", "sudo flowreset kill --client 10.0.0.7 --server 203.0.113.9 --hold 10m"],
        ["IPv6, see first", "sudo flowreset kill --server '[2001:db8::9]:22' --dry-run"],
      ]) +
        exitCodesHelp([ExitCode.Ok, ExitCode.Failed, ExitCode.BadInput, ExitCode.MissingRight], {
          [ExitCode.Ok]: "at least one connection matched and every one is confirmed dead (with --dry-run: would be reset)",
          [ExitCode.Failed]: "nothing matched, or not every connection is confirmed dead",
        }),
    )
    .action(async (words: KillWords) => {
      done(await kill(words, surroundings));
    });
}

async function kill(words: KillWords, surroundings: Surroundings): Promise<ExitCode> {
  // Loaded here: the other commands start without the language.
  const crds = await import("../crds/mod.ts");
  const spec = resetSpec(words, crds);
  const report = new KillReport(surroundings, words.json === true);
  const places = placesOf(words, surroundings);
  const ended = new AbortController();
  const forget = surroundings.onSignal(() => ended.abort());
  const client = new ControlClient(places.socket);
  try {
    const waitMs = crds.durationMs(words.wait);
    try {
      await follow(client.reset(spec), report, waitMs, ended.signal);
    } catch (error) {
      if (!(error instanceof NoSensor)) throw error;
      const { look, interface: interfaces = [] } = words;
      await resetByOneShot({ spec, interfaces, lookMs: crds.durationMs(look), holdMs: crds.durationMs(spec.hold), stopFile: places.stopFile, signal: ended.signal, surroundings }, (lines) =>
        follow(lines, report, waitMs, ended.signal),
      );
    }
  } finally {
    forget();
    await client.close();
  }
  return killExitCode(report, spec.dryRun === true);
}

/** Until the last line, the end of patience or a signal; then the report is printed. */
async function follow(lines: AsyncIterable<ResetLine>, report: KillReport, waitMs: number, signal: AbortSignal): Promise<void> {
  const iterator = lines[Symbol.asyncIterator]();
  const { promise: over, resolve: end } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => end(undefined), waitMs);
  const onAbort = (): void => end(undefined);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) end(undefined);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), over]);
      if (next === undefined) {
        // Its outcome is not waited for: the line may never come.
        void iterator.return?.().catch(() => {});
        break;
      }
      if (next.done === true) break;
      report.add(next.value);
      if (next.value.type === "done") break;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
  report.print();
}

/** Throws UsageError for what a FlowReset does not allow. */
function resetSpec(words: KillWords, { flowResetSpec, formatPath }: Pick<Crds, "flowResetSpec" | "formatPath">): ResetSpec {
  const match: { client?: ResetEndpoint; server?: ResetEndpoint } = {};
  try {
    if (words.client !== undefined) match.client = parseEndpoint("--client", words.client);
    if (words.server !== undefined) match.server = parseEndpoint("--server", words.server);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { hold, maxFlows, dryRun = false, reason } = words;
  const spec: ResetSpec = { match, target: TARGETS[words.target], hold, maxFlows, dryRun, reason };
  if (match.client === undefined && match.server === undefined) throw new UsageError("Give --client, --server or both");
  const { success, error } = flowResetSpec.safeParse(spec, { reportInput: true });
  if (!success) {
    const { path, message } = error.issues[0];
    throw new UsageError(`${message} (${formatPath(path)})`);
  }
  return spec;
}
