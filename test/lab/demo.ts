/**
 * `make demo`: attacks in a small network made for it, the real sensor standalone on the examples, and a legitimate
 * download beside it all. Tells what happens as it happens, then a table; `--json` gives that table to programs.
 * Ends with 0 only when all of it happened, with 1 otherwise, with 130 when it was interrupted.
 */
import { bytesText } from "./demo/story.ts";
import { SCENES } from "./demo/scenes.ts";
import { openStage } from "./demo/stage.ts";
import type { Stage } from "./demo/stage.ts";
import { Timeline } from "./demo/timeline.ts";
import type { Row } from "./demo/timeline.ts";
import { identity, Lab } from "./mod.ts";

const INTRODUCTION =
  "FlowReset watches the traffic of a machine and, when a policy matches, kills exactly that one TCP connection by " +
  "forging the reset that both its ends accept. Then it proves that both are dead. Here it does so in a network of its own:";

const NETWORK = `
  client pod 10.244.1.11 --+
  server pod 10.244.1.12 --+-- bridge -- node -- 20 ms away -- outside
  neighbour  10.244.1.13 --+            (sensor)               198.51.100.9`;

/** Of a checksum; all of it is compared. */
const SHOWN_DIGITS = 16;

const asJson = process.argv.includes("--json");
const timeline = new Timeline(asJson);
let interrupted = false;

async function playAll(stage: Stage): Promise<Row[]> {
  const rows: Row[] = [];
  const add = (row: Row): void => {
    if (interrupted) return;
    rows.push(row);
    timeline.verdict(row);
  };
  for (const { letter, name, title, play } of SCENES) {
    if (interrupted) break;
    timeline.heading(`(${letter}) ${title}`);
    try {
      add({ letter, name, ok: true, story: await play(stage) });
    } catch (error) {
      add({ letter, name, ok: false, error: (error as Error).message });
    }
  }
  if (!interrupted) timeline.heading("(f) The legitimate download beside all this: whole, and right");
  add(await endOfDownload(stage));
  return rows;
}

async function endOfDownload({ download, say }: Stage): Promise<Row> {
  const scene = { letter: "f", name: "innocent download" };
  try {
    const wasRunning = download.isRunning;
    const { curlExit, bytes, sha256, sentBytes, sentSha256 } = await download.finish();
    say("server", `sent     ${sentBytes} bytes, SHA-256 ${sentSha256.slice(0, SHOWN_DIGITS)}...`);
    say("client", `received ${bytes} bytes, SHA-256 ${sha256.slice(0, SHOWN_DIGITS)}...`);
    const ok = wasRunning && curlExit === 0 && bytes > 0 && bytes === sentBytes && sha256 === sentSha256;
    if (!ok) return { ...scene, ok, error: `expected the same at both ends: curl ended with ${curlExit}${wasRunning ? "" : " too early"}` };
    const text = `it ran all the time, ${bytesText(bytes)} arrived, with the right checksum`;
    return { ...scene, ok, story: { text, seen: "", passedBytes: bytes, outcome: "whole, right checksum" } };
  } catch (error) {
    return { ...scene, ok: false, error: (error as Error).message };
  }
}

function report(rows: readonly Row[]): boolean {
  const failed = rows.filter(({ ok }) => !ok);
  const seconds = Number(timeline.seconds.toFixed(1));
  if (asJson) {
    console.log(JSON.stringify({ ok: failed.length === 0, seconds, user: identity(), scenes: rows }, null, 2));
    return failed.length === 0;
  }
  timeline.table(rows);
  const whose = identity() === "root" ? "root" : "an ordinary user, in a user namespace";
  timeline.plain(`\n${rows.length - failed.length} of ${rows.length} as promised, in ${seconds} s, as ${whose}`);
  for (const { letter, name, error } of failed) timeline.plain(`(${letter}) ${name} did not happen: ${error}`);
  return failed.length === 0;
}

async function main(): Promise<number> {
  timeline.plain("");
  timeline.paragraph(INTRODUCTION);
  timeline.plain(NETWORK);
  timeline.heading("Setting the stage");
  timeline.line("lab", "builds network namespaces, which nothing else on this machine sees");
  await using lab = await Lab.open();
  const end = (why: string): void => {
    interrupted = true;
    console.error(`\n${why}: taking the lab down`);
    void lab.close().finally(() => process.exit(130));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, end);
  process.stdout.once("error", () => end("Nobody reads any more")).on("error", () => {});
  const stage = await openStage(lab, (who, text) => interrupted || timeline.line(who, text));
  const rows = await playAll(stage);
  if (interrupted) return new Promise(() => {});
  const ok = report(rows);
  if (!ok) console.error(`The sensor's last words:\n${stage.sensor.process.stderr.slice(-2_000)}`);
  return ok ? 0 : 1;
}

try {
  process.exitCode = await main();
  process.exit();
} catch (error) {
  if (!interrupted) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
