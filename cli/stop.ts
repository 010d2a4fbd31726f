/** `flowreset stop` and `flowreset start`: the emergency stop of this machine, with or without a running sensor. */
import type { Command } from "commander";
import { ControlClient, NoSensor, removeStopFile, writeStopFile } from "../sensor/control/mod.ts";
import { ExitCode } from "./exitCode.ts";
import { explainFailure } from "./failure.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import { addSocketOption, addStopFileOption, placesOf } from "./places.ts";
import type { PlaceOptions, Places } from "./places.ts";
import { printable } from "./printable.ts";
import type { Surroundings } from "./surroundings.ts";

type Done = (code: ExitCode) => void;

export function addStopCommand(program: Command, surroundings: Surroundings, done: Done): void {
  const command = program
    .command("stop")
    .summary("emergency stop: nothing is injected any more")
    .description(
      "Writes the stop file and tells the running sensor. From then on nothing is injected on this machine, by no policy " +
        "and no FlowReset, also after a restart, until `flowreset start`. Watching and reporting go on.",
    );
  addStopFileOption(addSocketOption(command))
    .addHelpText(
      "after",
      examplesHelp([["stop now", "sudo flowreset stop"]]) +
        exitCodesHelp([ExitCode.Ok, ExitCode.Failed, ExitCode.BadInput, ExitCode.MissingRight], {
          [ExitCode.Ok]: "stopped: the running sensor said so, or there is none",
          [ExitCode.Failed]: "the stop file is written, but the running sensor did not answer",
        }),
    )
    .action(async (words: PlaceOptions) => {
      const places = placesOf(words, surroundings);
      const { env, uid, now } = surroundings;
      let fault: unknown;
      try {
        writeStopFile(places.stopFile, env.SUDO_USER ?? env.USER ?? `uid ${uid}`, now());
        surroundings.stdout.write(`stop file ${printable(places.stopFile)} written\n`);
      } catch (error) {
        fault = error;
      }
      // In an emergency the running sensor is told, whatever became of the file.
      const code = await tellSensor("stop", places, surroundings);
      if (fault !== undefined) throw fault;
      done(code);
    });
}

export function addStartCommand(program: Command, surroundings: Surroundings, done: Done): void {
  const command = program
    .command("start")
    .summary("end the emergency stop")
    .description("Removes the stop file and tells the running sensor that it may inject again. Starts no sensor.");
  addStopFileOption(addSocketOption(command))
    .addHelpText(
      "after",
      examplesHelp([["let it reset again", "sudo flowreset start"]]) +
        exitCodesHelp([ExitCode.Ok, ExitCode.Failed, ExitCode.BadInput, ExitCode.MissingRight]),
    )
    .action(async (words: PlaceOptions) => {
      const places = placesOf(words, surroundings);
      const present = removeStopFile(places.stopFile);
      surroundings.stdout.write(`stop file ${printable(places.stopFile)} ${present ? "removed" : "was not there"}\n`);
      done(await tellSensor("start", places, surroundings));
    });
}

async function tellSensor(what: "stop" | "start", { socket }: Places, { stdout, stderr }: Surroundings): Promise<ExitCode> {
  const client = new ControlClient(socket);
  try {
    await client[what]();
    stdout.write(what === "stop" ? "the running sensor injects nothing any more\n" : "the running sensor may inject again\n");
    return ExitCode.Ok;
  } catch (error) {
    if (error instanceof NoSensor) {
      stdout.write(`no sensor runs at ${printable(socket)}\n`);
      return ExitCode.Ok;
    }
    stderr.write(`flowreset: the running sensor did not answer; it sees the stop file by itself if it watches the same one\n`);
    stderr.write(`  ${printable(explainFailure(error).message)}\n`);
    return ExitCode.Failed;
  } finally {
    await client.close();
  }
}
