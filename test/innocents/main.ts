/** `make innocents`: INNOCENTS connections (1,000,000), as many hostile packets, attacks among them; 0 only when no innocent died. */
import { runInnocents } from "./run.ts";
import { isClean, table } from "./verdict.ts";

const innocents = Number(process.env["INNOCENTS"] ?? 1_000_000);
const hostilePackets = Number(process.env["HOSTILE"] ?? innocents);
if (!Number.isInteger(innocents) || innocents < 1 || !Number.isInteger(hostilePackets) || hostilePackets < 0) {
  console.error(`Give INNOCENTS (and HOSTILE) as a whole number: it is ${process.env["INNOCENTS"]}`);
  process.exit(2);
}

const isTerminal = process.stdout.isTTY === true;
const pauseSeconds = isTerminal ? 1 : 10;
const started = performance.now();
let saidSeconds = 0;

const result = await runInnocents({
  innocents,
  hostilePackets,
  seed: Number(process.env["SEED"] ?? 1),
  say: ({ innocents: done, attacks, cut, failures, hostile, pods }) => {
    const seconds = (performance.now() - started) / 1000;
    if (seconds - saidSeconds < pauseSeconds) return;
    saidSeconds = seconds;
    const line = `${seconds.toFixed(0).padStart(5)} s  ${done} of ${innocents} innocents lived, ${failures} failed; ${cut} of ${attacks} attacks cut; ${hostile} hostile packets; ${pods} pods came and went`;
    process.stdout.write(isTerminal ? `\r${line}` : `${line}\n`);
  },
});
if (isTerminal) process.stdout.write("\n");
for (const line of table(result)) console.log(line);
process.exit(isClean(result) ? 0 : 1);
