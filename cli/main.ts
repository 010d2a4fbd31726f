/** Where the command starts: the only file here that touches the process. */
import { main } from "./program.ts";
import { realSurroundings } from "./surroundings.ts";

/** A thread that hangs in the kernel must not keep a command that is done. */
const LINGER_MS = 3_000;

// The reader of a result went away (`| head`): there is nobody to tell.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2), realSurroundings());
setTimeout(() => process.exit(), LINGER_MS).unref();
