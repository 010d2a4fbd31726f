import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SyncEventWriter } from "./syncWriter.ts";
import { openEventWriter } from "./writer.ts";

const folder = mkdtempSync(join(tmpdir(), "flowreset-writer-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LINES = Array.from({ length: 1000 }, (_, i) => `{"n":${i}}\n`);
const MODULES = new URL("./", import.meta.url).href;

/**
 * Runs a script with both writers in reach. Its standard output is a socket (Node's "pipe") that nobody reads until
 * the test does, or a real pipe to the shell command `into`.
 */
function run(script: string, into?: string) {
  const source = `
    const { openEventWriter } = await import("${MODULES}writer.ts");
    const { SyncEventWriter } = await import("${MODULES}syncWriter.ts");
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    ${script}`;
  const node = [process.execPath, "--input-type=module", "-e", source];
  const [command, ...args] = into === undefined ? node : ["sh", "-c", `"$0" "$@" | ${into}`, ...node];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  return { child, exit: once(child, "exit").then(([code]) => ({ code: code as number, errors: () => errors })) };
}

test("lines reach a file in order, and are counted", async () => {
  const path = join(folder, "in-order");
  const writer = openEventWriter(path);
  for (const line of LINES) expect(writer.write(line)).toBe(true);
  expect(await writer.flush(5_000)).toBe(true);
  expect(readFileSync(path, "utf8")).toBe(LINES.join(""));
  expect([writer.written, writer.dropped, writer.queuedBytes]).toEqual([1000, 0, 0]);
  await writer.close();
  expect(writer.write("late\n")).toBe(false);
});

test("a second start appends", async () => {
  const path = join(folder, "append");
  for (const line of ["a\n", "b\n"]) {
    const writer = openEventWriter(path);
    writer.write(line);
    await writer.close();
  }
  expect(readFileSync(path, "utf8")).toBe("a\nb\n");
});

test("after a rotation and reopen() no line is lost or cut", async () => {
  const path = join(folder, "rotated");
  const writer = openEventWriter(path);
  LINES.forEach((line, n) => {
    writer.write(line);
    if (n !== 500) return;
    renameSync(path, `${path}.1`);
    writer.reopen();
  });
  await writer.close();
  expect(readFileSync(`${path}.1`, "utf8") + readFileSync(path, "utf8")).toBe(LINES.join(""));
});

test("a full disk costs lines beyond the queue, all counted, and is told once", async () => {
  const faults: (string | undefined)[] = [];
  const onFault = (error: Error | undefined) => faults.push((error as NodeJS.ErrnoException | undefined)?.code);
  const writer = openEventWriter("/dev/full", { queueBytes: 100, onFault });
  for (let i = 0; i < 50; i++) writer.write("0123456789\n");
  expect(writer.queuedBytes).toBe(99);
  expect(writer.dropped).toBe(41);
  expect(await writer.flush(50)).toBe(false);
  expect(faults).toEqual(["ENOSPC"]);
  await writer.close(50);
  expect([writer.written, writer.dropped]).toEqual([0, 50]);
});

test.each([
  ["a folder that is not there", join(folder, "none", "events"), "ENOENT"],
  ["a folder", folder, "EISDIR"],
])("%s is refused at the start", (_, path, code) => {
  expect(() => openEventWriter(path)).toThrow(code);
  expect(() => new SyncEventWriter(path)).toThrow(code);
});

test("none swallows every line", async () => {
  const writer = openEventWriter("none");
  expect(writer.write("x\n")).toBe(true);
  await writer.close();
  new SyncEventWriter("none").write("x\n");
});

test.each([
  ["socket", undefined],
  ["pipe", "sleep 3"],
])("a reader of a %s that does not read costs lines, not memory nor the end of the program", async (_, into) => {
  const { exit } = run(
    `
    const writer = openEventWriter("-", { queueBytes: 1 << 20 });
    const line = "x".repeat(1023) + "\\n";
    for (let i = 0; i < 4096; i++) writer.write(line);
    await sleep(100);
    const flushed = await writer.flush(100);
    const queued = writer.queuedBytes;
    await writer.close(50);
    console.error(JSON.stringify([flushed, queued > 0 && queued <= 1 << 20, writer.written + writer.dropped]));
    process.exit(0);`,
    into,
  );
  const { code, errors } = await exit;
  expect(code).toBe(0);
  expect(JSON.parse(errors())).toEqual([false, true, 4096]);
});

test("what a pipe's reader gets is whole", async () => {
  const { child, exit } = run(
    `
    const writer = openEventWriter("-");
    for (let i = 0; i < 20000; i++) writer.write(i + "\\n");
    await writer.close(10000);`,
    "md5sum",
  );
  let text = "";
  for await (const part of child.stdout.setEncoding("utf8")) text += part;
  await exit;
  const expected = createHash("md5").update(Array.from({ length: 20000 }, (_, i) => `${i}\n`).join(""));
  expect(text.split(" ")[0]).toBe(expected.digest("hex"));
});

test("a slow reader gets every line of a queue that is large enough", async () => {
  const { child, exit } = run(`
    const writer = openEventWriter("-");
    for (let i = 0; i < 20000; i++) writer.write(JSON.stringify({ n: i, pad: "x".repeat(90) }) + "\\n");
    await writer.close(20000);
    console.error(writer.dropped);`);
  let text = "";
  for await (const part of child.stdout.setEncoding("utf8")) {
    text += part;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect((await exit).errors().trim()).toBe("0");
  const numbers = text.trimEnd().split("\n").map((line) => (JSON.parse(line) as { n: number }).n);
  expect(numbers).toEqual(Array.from({ length: 20000 }, (_, i) => i));
});

test("a reader that goes away is told once, everything after is counted as dropped", async () => {
  const { child, exit } = run(`
    const faults = [];
    const writer = openEventWriter("-", { onFault: (error) => faults.push(error?.code) });
    writer.write("first\\n");
    await sleep(300);
    for (let i = 0; i < 3; i++) { writer.write("more\\n"); await sleep(20); }
    await writer.close(1000);
    console.error(JSON.stringify([faults, writer.written, writer.dropped]));`);
  await once(child.stdout, "data");
  child.stdout.destroy();
  expect(JSON.parse((await exit).errors())).toEqual([["EPIPE"], 1, 3]);
});

test("a replay writes every line even when its reader is slow, and ends quietly when the reader goes away", async () => {
  const script = (lines: number): string => `
    const writer = new SyncEventWriter("-");
    for (let i = 0; i < ${lines}; i++) writer.write(i + "\\n");
    writer.close();
    console.error(writer.readerGone);`;
  const whole = run(script(20_000));
  let text = "";
  for await (const part of whole.child.stdout.setEncoding("utf8")) {
    text += part;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(text).toBe(Array.from({ length: 20000 }, (_, i) => `${i}\n`).join(""));
  expect((await whole.exit).errors().trim()).toBe("false");
  // More than any buffer between the two holds.
  const gone = run(script(2_000_000));
  await once(gone.child.stdout, "data");
  gone.child.stdout.destroy();
  expect(await gone.exit.then(({ code, errors }) => [code, errors().trim()])).toEqual([0, "true"]);
});

test("a full disk is an error of a replay", () => {
  const writer = new SyncEventWriter("/dev/full");
  writer.write("x\n");
  expect(() => writer.close()).toThrow("ENOSPC");
});
