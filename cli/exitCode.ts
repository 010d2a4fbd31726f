/** What the exit code of every command says. Scripts depend on these numbers: they do not change. */

export const ExitCode = {
  Ok: 0,
  /** It was tried and did not fully succeed: not every connection confirmed dead, a fault on the way. */
  Failed: 1,
  /** Wrong words on the command line, a broken policy or capture file. */
  BadInput: 2,
  /** CAP_NET_RAW, or the right to use the socket. */
  MissingRight: 3,
  /** Another sensor runs with this socket. */
  AlreadyRunning: 4,
  /** No sensor runs that could answer. */
  NoSensor: 5,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** For the end of every help text; a command leaves out what it never gives. */
const MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [ExitCode.Ok, "done"],
  [ExitCode.Failed, "failed"],
  [ExitCode.BadInput, "wrong usage or bad input"],
  [ExitCode.MissingRight, "a right is missing (CAP_NET_RAW, the socket's owner)"],
  [ExitCode.AlreadyRunning, "another sensor runs"],
  [ExitCode.NoSensor, "no sensor runs, or it does not answer"],
];

/** The help text's table; `told` replaces the general words of a code. */
export function exitCodesHelp(codes: readonly ExitCode[], told: Partial<Record<ExitCode, string>> = {}): string {
  const lines = MEANINGS.filter(([code]) => codes.includes(code)).map(([code, text]) => `  ${code}  ${told[code] ?? text}`);
  return `\nExit codes:\n${lines.join("\n")}\n`;
}

/** The help text's examples: what it does, then the command. */
export function examplesHelp(examples: readonly (readonly [string, string])[]): string {
  return `\nExamples:\n${examples.map(([what, command]) => `  # ${what}\n  ${command}`).join("\n")}\n`;
}
