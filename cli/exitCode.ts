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
