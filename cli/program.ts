/** The whole command: which commands there are, and how an end becomes an exit code. */
import { Command } from "commander";
import { version } from "../sensor/version.ts";
import { ExitCode } from "./exitCode.ts";
import { reportFailure } from "./failure.ts";
import { addFlowsCommand } from "./flows.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import { addKillCommand } from "./kill.ts";
import { addOperatorCommand } from "./operator.ts";
import { addReplayCommand } from "./replay.ts";
import { addSensorCommand } from "./sensor.ts";
import { addStatusCommand } from "./status.ts";
import { addStartCommand, addStopCommand } from "./stop.ts";
import type { Surroundings } from "./surroundings.ts";
import { addVersionCommand } from "./version.ts";

/** Never throws. `words` is the command line without program names. */
export async function main(words: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let code: ExitCode = ExitCode.Ok;
  try {
    await program(surroundings, (result) => (code = result)).parseAsync([...words], { from: "user" });
    return code;
  } catch (error) {
    return reportFailure(error, surroundings);
  }
}

function program(surroundings: Surroundings, done: (code: ExitCode) => void): Command {
  const { stdout, stderr } = surroundings;
  const root = new Command("flowreset")
    .description("Cuts exactly the malicious TCP connection, nothing else, and proves that it is dead.")
    .version(version(), "--version", "print the version number")
    .helpCommand(true)
    .showHelpAfterError("(--help says how it is used)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    })
    .addHelpText(
      "after",
      examplesHelp([
        ["guard this machine", "sudo flowreset sensor --policies examples"],
        ["try policies on a capture", "flowreset replay attack.pcapng --policies examples"],
        ["cut one connection now", "sudo flowreset kill --client 10.0.0.7:43122 --server 203.0.113.9:443"],
        ["nothing may be injected any more", "sudo flowreset stop"],
      ]) + exitCodesHelp(Object.values(ExitCode)),
    );
  for (const add of [
    addSensorCommand,
    addOperatorCommand,
    addReplayCommand,
    addKillCommand,
    addFlowsCommand,
    addStatusCommand,
    addStopCommand,
    addStartCommand,
    addVersionCommand,
  ]) {
    add(root, surroundings, done);
  }
  return root;
}
