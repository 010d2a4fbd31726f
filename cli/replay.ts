/** `flowreset replay`: the same pipeline over capture files; says what would have been reset. */
import { Option } from "commander";
import type { Command } from "commander";
import { DEFAULT_TABLE_CAPACITY, LOG_LEVELS } from "../sensor/options.ts";
import type { ReplayPolicySummary, ReplaySummary } from "../sensor/options.ts";
import type { LogLevel } from "../sensor/report/mod.ts";
import { ExitCode } from "./exitCode.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import { wholeNumber } from "./parse.ts";
import { printable } from "./printable.ts";
import { formatBytes, formatCount } from "./quantity.ts";
import { paint } from "./style.ts";
import type { Surroundings } from "./surroundings.ts";
import { factLines, tableLines } from "./table.ts";
import type { Column } from "./table.ts";

interface ReplayWords {
  policies?: string;
  events: string;
  checksum: "verify" | "trust";
  tableCapacity: number;
  logLevel: LogLevel;
  json?: boolean;
}

export function addReplayCommand(program: Command, surroundings: Surroundings, done: (code: ExitCode) => void): void {
  program
    .command("replay")
    .summary("replay capture files and say what would have been reset")
    .description(
      "Reads pcap and pcapng (also gzip; - is standard input) through the sensor's own pipeline. The clock is the " +
        "packets': the same files and policies give the same events to the byte. Needs no rights.",
    )
    .argument("<file...>", "capture files, in the order to read")
    .option("--policies <dir>", "folder of policies (default: none, flows are only counted)")
    .option("--events <file>", "event lines to a file (begun anew), - for standard output (then the summary goes to standard error)", "none")
    .addOption(new Option("--checksum <how>", "transport checksums: verify, or trust (captured on the sender itself)").choices(["verify", "trust"]).default("verify"))
    .option("--table-capacity <flows>", "flows to remember", wholeNumber(1_024, 16_777_216), DEFAULT_TABLE_CAPACITY)
    .addOption(new Option("--log-level <level>", "how much to say on standard error").choices(LOG_LEVELS).default("warn"))
    .option("--json", "print the summary as one JSON object")
    .addHelpText(
      "after",
      examplesHelp([
        ["try policies on a capture", "flowreset replay attack.pcapng --policies examples"],
        ["from tcpdump, events to the screen", "tcpdump -r big.pcap -w - tcp | flowreset replay - --policies examples --events -"],
      ]) +
        exitCodesHelp([ExitCode.Ok, ExitCode.Failed, ExitCode.BadInput], {
          [ExitCode.BadInput]: "wrong usage, a broken policy file, or a capture that could not be read to its end (the rest is reported)",
        }),
    )
    .action(async (files: string[], words: ReplayWords) => {
      const { policies, events, checksum, tableCapacity, logLevel } = words;
      const summary = await surroundings.replay({ files, policies, events, checksum, tableCapacity, logLevel });
      const output = events === "-" ? surroundings.stderr : surroundings.stdout;
      output.write(words.json === true ? `${JSON.stringify(summary)}\n` : summaryText(summary));
      const name = paint(surroundings.stderr, surroundings.env, "red", "flowreset:");
      if (summary.error !== undefined) {
        const { file, offset, message } = summary.error;
        // A fault of the file's form names its byte already.
        const where = message.includes(`at byte ${offset}`) ? "" : ` at byte ${offset}`;
        surroundings.stderr.write(`${name} ${printable(file)}: ${printable(message)}${where}\n`);
      }
      if (summary.policyProblems > 0) {
        surroundings.stderr.write(`${name} Mend the policies and replay again, broken files count for nothing: ${summary.policyProblems} faults are named above\n`);
      }
      done(summary.error === undefined && summary.policyProblems === 0 ? ExitCode.Ok : ExitCode.BadInput);
    });
}

const POLICY_COLUMNS: readonly Column<ReplayPolicySummary>[] = [
  { title: "POLICY", value: ({ policy }) => policy },
  { title: "MODE", value: ({ mode }) => mode },
  { title: "FINDINGS", right: true, value: ({ findings }) => formatCount(findings) },
  { title: "WOULD RESET", right: true, value: ({ wouldReset }) => formatCount(wouldReset) },
  { title: "SUPPRESSED", right: true, value: ({ suppressed }) => formatCount(suppressed) },
];

/** Reasons of decode, and policies, shown; --json has them all. */
const MAX_REASONS = 10;
const MAX_POLICIES = 40;

function summaryText(summary: ReplaySummary): string {
  const { packets, bytes, flows, findings, wouldReset, byPolicy, decodeReasons, captureSeconds, files } = summary;
  const facts: [string, string][] = [
    ["files", formatCount(files.length)],
    ["packets", `${formatCount(packets)} (${formatBytes(bytes)}, ${captureSeconds.toFixed(3)} s)`],
    ["flows", formatCount(flows)],
    ["findings", formatCount(findings)],
    ["would reset", `${formatCount(wouldReset)} connections`],
  ];
  const reasons = Object.entries(decodeReasons).toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  if (reasons.length > 0) {
    const shown = reasons.slice(0, MAX_REASONS).map(([reason, count]) => `${reason} ${formatCount(count)}`);
    const more = reasons.length > MAX_REASONS ? `, and ${reasons.length - MAX_REASONS} more` : "";
    facts.push(["not decoded", `${shown.join(", ")}${more}`]);
  }
  const lines = factLines(facts);
  // Of many policies those are of interest that found something.
  const shown = byPolicy.length <= MAX_POLICIES ? byPolicy : byPolicy.filter(({ findings: found }) => found > 0).slice(0, MAX_POLICIES);
  if (shown.length > 0) lines.push("", ...tableLines(POLICY_COLUMNS, shown));
  if (shown.length < byPolicy.length) lines.push("", `and ${formatCount(byPolicy.length - shown.length)} more policies, see --json`);
  return `${lines.join("\n")}\n`;
}
