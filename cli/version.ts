/** `flowreset version`. */
import type { Command } from "commander";
import { version as productVersion } from "../sensor/version.ts";
import { ExitCode } from "./exitCode.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import type { Surroundings } from "./surroundings.ts";

export function addVersionCommand(program: Command, { stdout }: Surroundings, done: (code: ExitCode) => void): void {
  program
    .command("version")
    .summary("print the version")
    .description("Prints the version of FlowReset and what it runs on.")
    .option("--json", "print one JSON object")
    .addHelpText("after", examplesHelp([["for a bug report", "flowreset version"]]) + exitCodesHelp([ExitCode.Ok, ExitCode.BadInput]))
    .action(({ json }: { json?: boolean }) => {
      const facts = { version: productVersion(), node: process.versions.node, platform: process.platform, architecture: process.arch };
      const { version, node, platform, architecture } = facts;
      stdout.write(json === true ? `${JSON.stringify(facts)}\n` : `flowreset ${version} (Node.js ${node}, ${platform} ${architecture})\n`);
      done(ExitCode.Ok);
    });
}
