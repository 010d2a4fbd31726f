/**
 * The server pod's programs: an application that thinks for 50 ms before it answers (port 8080), and a file server
 * whose one file is as long as its reader needs it (port 80): it ends when "finish" stands on standard input, and what
 * was sent is then told on standard output as one line of JSON. Started by stage.ts, in the pod.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { createInterface } from "node:readline";
import { FLOOD_BLOCK_BYTES, floodBlock } from "../traffic/protocol.ts";

export const APPLICATION_PORT = 8_080;
export const FILE_PORT = 80;
export const THINKING_MS = 50;
const PAUSE_MS = 10;
const BYTES_A_PAUSE = 40_000;

function serveFile(response: ServerResponse, isFinished: () => boolean): void {
  const block = floodBlock();
  const hash = createHash("sha256");
  let bytes = 0;
  let clear = true;
  response.on("drain", () => (clear = true));
  const timer = setInterval(() => {
    if (isFinished()) {
      clearInterval(timer);
      response.end();
      process.stdout.write(`${JSON.stringify({ bytes, sha256: hash.digest("hex") })}\n`);
    } else if (clear) {
      const start = bytes % (FLOOD_BLOCK_BYTES - BYTES_A_PAUSE);
      const chunk = block.subarray(start, start + BYTES_A_PAUSE);
      hash.update(chunk);
      bytes += chunk.length;
      clear = response.write(chunk);
    }
  }, PAUSE_MS);
  response.on("close", () => clearInterval(timer));
}

if (import.meta.main) {
  let finished = false;
  createInterface(process.stdin).on("line", () => (finished = true)).on("close", () => process.exit(0));
  const application = createServer((_, answer) => void setTimeout(() => answer.end("ok\n"), THINKING_MS));
  const files = createServer((_, answer) => serveFile(answer, () => finished));
  application.listen(APPLICATION_PORT, "0.0.0.0", () => files.listen(FILE_PORT, "0.0.0.0", () => console.log("up")));
}
