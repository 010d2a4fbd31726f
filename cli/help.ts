/** What stands below every help text: examples, then what the exit codes say. */
import { ExitCode } from "./exitCode.ts";

/** In general words; a command leaves out what it never gives. */
const MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [ExitCode.Ok, "done"],
  [ExitCode.Failed, "failed"],
  [ExitCode.BadInput, "wrong usage or bad input"],
  [ExitCode.MissingRight, "a right is missing (CAP_NET_RAW, the socket's owner)"],
  [ExitCode.AlreadyRunning, "another sensor runs"],
  [ExitCode.NoSensor, "no sensor runs, or it does not answer"],
];

/** `told` replaces the general words of a code. */
export function exitCodesHelp(codes: readonly ExitCode[], told: Partial<Record<ExitCode, string>> = {}): string {
  const lines = MEANINGS.filter(([code]) => codes.includes(code)).map(([code, text]) => `  ${code}  ${told[code] ?? text}`);
  return `\nExit codes:\n${lines.join("\n")}\n`;
}

/** What it does, then the command. */
export function examplesHelp(examples: readonly (readonly [string, string])[]): string {
  return `\nExamples:\n${examples.map(([what, command]) => `  # ${what}\n  ${command}`).join("\n")}\n`;
}
