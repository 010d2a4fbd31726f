/** `flowreset status`: what the running sensor does, and what became of each policy. */
import type { Command } from "commander";
import { ControlClient } from "../sensor/control/mod.ts";
import type { SensorStatus } from "../sensor/control/mod.ts";
import { ExitCode } from "./exitCode.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import { addSocketOption, placesOf } from "./places.ts";
import type { PlaceOptions } from "./places.ts";
import { formatCount } from "./quantity.ts";
import type { Surroundings } from "./surroundings.ts";
import { factLines, tableLines } from "./table.ts";
import type { Column } from "./table.ts";

interface StatusWords extends PlaceOptions {
  json?: boolean;
}

type PolicyStatus = SensorStatus["policies"][number];

export function addStatusCommand(program: Command, surroundings: Surroundings, done: (code: ExitCode) => void): void {
  const command = program
    .command("status")
    .summary("show what the running sensor does, and the state of each policy")
    .description("Shows the running sensor: whether it may inject, what it watches, how full its table is, and what it says of each policy.")
    .option("--json", "print one JSON object");
  addSocketOption(command)
    .addHelpText(
      "after",
      examplesHelp([["is all that I wrote at work?", "sudo flowreset status"]]) +
        exitCodesHelp([ExitCode.Ok, ExitCode.Failed, ExitCode.BadInput, ExitCode.MissingRight, ExitCode.NoSensor]),
    )
    .action(async (words: StatusWords) => {
      const client = new ControlClient(placesOf(words, surroundings).socket);
      try {
        const status = await client.status();
        surroundings.stdout.write(words.json === true ? `${JSON.stringify(status)}\n` : statusText(status));
      } finally {
        await client.close();
      }
      done(ExitCode.Ok);
    });
}

const COLUMNS: readonly Column<PolicyStatus>[] = [
  { title: "POLICY", value: ({ name }) => name },
  { title: "MODE", value: ({ mode }) => mode },
  { title: "STATE", value: ({ state }) => state },
  { title: "MESSAGE", value: ({ message }) => message ?? "-" },
];

/** A sensor of an older version does not say who. */
function whyNot(stoppedBy: SensorStatus["stoppedBy"] = []): string {
  if (stoppedBy.includes("fleet")) return "the SensorFleet says ObserveOnly";
  if (stoppedBy.includes("policy age")) return "the API server has been silent for longer than maxPolicyAge";
  return "emergency stop, end it with `flowreset start`";
}

function statusText(status: SensorStatus): string {
  const { version, pid, startedAt, stopped, stoppedBy, workers, interfaces, packets, drops, flows, flowCapacity, policies } = status;
  const facts: [string, string][] = [
    ["sensor", `${version}, process ${pid}, since ${startedAt}`],
    ["injecting", stopped ? `no: ${whyNot(stoppedBy)}` : "yes"],
    ["workers", formatCount(workers)],
    ["interfaces", interfaces.length === 0 ? "none" : interfaces.join(" ")],
    ["packets", `${formatCount(packets)}, ${formatCount(drops)} lost`],
    ["flows", `${formatCount(flows)} of ${formatCount(flowCapacity)}`],
  ];
  const lines = factLines(facts);
  if (policies.length > 0) lines.push("", ...tableLines(COLUMNS, policies));
  return `${lines.join("\n")}\n`;
}
