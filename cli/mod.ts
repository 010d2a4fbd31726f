/**
 * cli: the `flowreset` command. One file a command; each turns words into the options of sensor/options.ts or a
 * request to the local socket, and the answer into a table or JSON lines.
 *
 * **Invariant:** an exit code always means what exitCode.ts says; standard output carries results only, everything
 * said to the person goes to standard error; colours and cursor movement only on a terminal.
 *
 * Must not know: packets, flows' inner form, how anything is captured or reset. Nothing of the sensor is loaded
 * before a command needs it.
 */
export { main } from "./program.ts";
export { ExitCode } from "./exitCode.ts";
