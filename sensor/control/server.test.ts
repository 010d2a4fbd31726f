import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { ControlClient, NoSensor } from "./client.ts";
import { RequestError } from "./protocol.ts";
import type { ControlHandlers, FlowLine, ResetLine, ResetSpec, SensorStatus } from "./protocol.ts";
import { MAX_REQUEST_BYTES, MAX_RESETS_UNDER_WAY, startControlServer } from "./server.ts";
import type { ControlServer } from "./server.ts";
import { SensorAlreadyRunning } from "./socket.ts";

const folder = mkdtempSync(join(tmpdir(), "flowreset-control-"));
afterAll(() => rmSync(folder, { recursive: true }));
const servers: ControlServer[] = [];
const clients: ControlClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) await server.close();
});

let paths = 0;
const freshPath = () => join(folder, `s${paths++}`, "sensor.sock");
const SPEC: ResetSpec = { match: { client: { ip: "10.0.0.1" } }, target: "Both", hold: "0s", maxFlows: 100 };

function flow(n: number): FlowLine {
  return {
    flow_id: n,
    client: { ip: "10.0.0.1", port: n & 65_535 },
    server: { ip: "10.0.0.2", port: 443 },
    state: "Established",
    inferred: false,
    ageMs: 1,
    idleMs: 1,
    bytesToServer: 1,
    bytesToClient: 1,
    packetsToServer: 1,
    packetsToClient: 1,
    interface: "veth0",
    findings: [],
  };
}

const STATUS = { version: "1", pid: 1, stopped: false } as SensorStatus;
const HANDLERS: ControlHandlers = {
  status: () => STATUS,
  flows: () => [],
  async *reset() {},
  stop() {},
  start() {},
};

async function setUp(handlers: Partial<ControlHandlers> = {}, path = freshPath()) {
  const server = await startControlServer(path, { ...HANDLERS, ...handlers });
  servers.push(server);
  const client = new ControlClient(path);
  clients.push(client);
  return { server, client, path };
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const value of values) out.push(value);
  return out;
}

test("status, stop and start reach their handlers", async () => {
  const calls: string[] = [];
  const { client } = await setUp({ stop: () => void calls.push("stop"), start: () => void calls.push("start") });
  expect(await client.status()).toEqual(STATUS);
  await client.stop();
  await client.start();
  expect(calls).toEqual(["stop", "start"]);
});

test("only the user of the sensor may use the socket", async () => {
  const { path } = await setUp();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("flows are streamed up to the limit, and the filter reaches the handler", async () => {
  const queries: unknown[] = [];
  let made = 0;
  const { client } = await setUp({
    *flows(query) {
      queries.push(query);
      for (;;) yield flow(made++);
    },
  });
  const flows = await collect(client.flows({ limit: 5000, ip: "10.0.0.1", port: 443, state: "Established" }));
  expect(flows.map(({ flow_id }) => flow_id)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  expect(made).toBeLessThan(5010);
  expect(queries).toEqual([{ limit: 5000, ip: "10.0.0.1", port: 443, state: "Established" }]);
});

test("a client that does not read stops the walk instead of filling memory", async () => {
  let made = 0;
  const { path } = await setUp({
    *flows() {
      for (;;) yield flow(made++);
    },
  });
  const socket = connect(path);
  socket.pause();
  socket.write("GET /v1/flows?limit=100000 HTTP/1.1\r\nhost: x\r\n\r\n");
  let last = -1;
  while (made !== last || made === 0) {
    last = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(made).toBeLessThan(20_000);
  socket.destroy();
});

test("a reset's lines arrive as they are known, not at its end", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const specs: unknown[] = [];
  const { client } = await setUp({
    async *reset(spec): AsyncIterable<ResetLine> {
      specs.push(spec);
      yield { type: "matched", count: 1 };
      await gate;
      yield { type: "done", phase: "Succeeded", reason: "", message: "" };
    },
  });
  const lines = client.reset(SPEC)[Symbol.asyncIterator]();
  expect((await lines.next()).value).toEqual({ type: "matched", count: 1 });
  open();
  expect((await lines.next()).value).toMatchObject({ type: "done" });
  expect((await lines.next()).done).toBe(true);
  expect(specs).toEqual([SPEC]);
});

test("a reset that is refused says why; one that breaks in the middle does not look finished", async () => {
  let breakAfter = 0;
  const { client } = await setUp({
    async *reset(): AsyncIterable<ResetLine> {
      if (breakAfter === 0) throw new RequestError(422, "Name an endpoint");
      yield { type: "matched", count: 1 };
      throw new Error("worker died");
    },
  });
  await expect(collect(client.reset(SPEC))).rejects.toThrow(new RequestError(422, "Name an endpoint"));
  breakAfter = 1;
  await expect(collect(client.reset(SPEC))).rejects.toThrow();
});

test("the handler learns that nobody listens any more", async () => {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const { client } = await setUp({
    async *reset(_, signal): AsyncIterable<ResetLine> {
      yield { type: "matched", count: 1 };
      signal.addEventListener("abort", () => resolve());
      await aborted;
    },
  });
  for await (const line of client.reset(SPEC)) if (line.type === "matched") break;
  await aborted;
});

test("one reset more than allowed at one time is refused, and there is room again afterwards", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { client } = await setUp({
    async *reset(): AsyncIterable<ResetLine> {
      yield { type: "matched", count: 0 };
      await gate;
    },
  });
  const streams = Array.from({ length: MAX_RESETS_UNDER_WAY }, () => client.reset(SPEC)[Symbol.asyncIterator]());
  for (const lines of streams) await lines.next();
  await expect(collect(client.reset(SPEC))).rejects.toMatchObject({ status: 429 });
  open();
  for (const lines of streams) expect((await lines.next()).done).toBe(true);
  expect(await collect(client.reset(SPEC))).toHaveLength(1);
});

async function raw(path: string, text: string): Promise<string> {
  const socket = connect(path);
  socket.on("error", () => {});
  socket.write(text);
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
  await once(socket, "close");
  return answer.split("\r\n", 1)[0];
}

const post = (path: string, body: string, length = Buffer.byteLength(body)) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n${body}`;

test.each([
  ["an unknown path", post("/v1/kill", "{}"), "404"],
  ["a GET where a POST belongs", "GET /v1/stop HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "404"],
  ["a body that is no JSON", post("/v1/reset", "{"), "400"],
  ["an oversized body", post("/v1/reset", "x".repeat(MAX_REQUEST_BYTES + 1)), "413"],
  ["an oversized header", `GET / HTTP/1.1\r\nhost: ${"x".repeat(9000)}\r\n\r\n`, "431"],
  ["a request target that is no URL", "GET //[ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "400"],
  ["an unknown filter", "GET /v1/flows?colour=red HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "400"],
  ["a limit of zero", "GET /v1/flows?limit=0 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "400"],
  ["a limit past the limit", "GET /v1/flows?limit=100001 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "400"],
  ["bytes that are no HTTP", "\x16\x03\x01\r\n\r\n", "400"],
])("%s is refused, and the sensor goes on", async (_, text, status) => {
  const { path, client } = await setUp();
  expect(await raw(path, text)).toContain(` ${status} `);
  expect(await client.status()).toEqual(STATUS);
});

test("a second sensor finds the live one, says so and leaves it alone", async () => {
  const { path, client } = await setUp();
  await expect(startControlServer(path, HANDLERS)).rejects.toThrow(SensorAlreadyRunning);
  expect(await client.status()).toEqual(STATUS);
  expect(readdirSync(join(path, ".."))).toEqual(["sensor.sock"]);
});

/** A socket whose process was killed. */
async function leaveStaleSocket(path: string): Promise<void> {
  mkdirSync(join(path, ".."), { recursive: true });
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", script]), "exit");
  expect(statSync(path).isSocket()).toBe(true);
}

test("the socket of a sensor that was killed is replaced", async () => {
  const path = freshPath();
  await leaveStaleSocket(path);
  const { client } = await setUp({}, path);
  expect(await client.status()).toEqual(STATUS);
  expect(readdirSync(join(path, ".."))).toEqual(["sensor.sock"]);
});

test("of several sensors that find the same dead socket exactly one gets it", async () => {
  for (let round = 0; round < 5; round++) {
    const path = freshPath();
    await leaveStaleSocket(path);
    const results = await Promise.allSettled(Array.from({ length: 4 }, () => startControlServer(path, HANDLERS)));
    const winners = results.filter((result) => result.status === "fulfilled").map(({ value }) => value);
    servers.push(...winners);
    expect(winners).toHaveLength(1);
    const client = new ControlClient(path);
    clients.push(client);
    expect(await client.status()).toEqual(STATUS);
  }
});

test("a file that is no socket is left alone", async () => {
  const path = join(folder, "plain-file");
  writeFileSync(path, "mine");
  await expect(startControlServer(path, HANDLERS)).rejects.toThrow("it is no socket");
  expect(statSync(path).size).toBe(4);
});

test.each([
  ["a path too long for a socket", () => join(folder, "x".repeat(120)), "Choose a shorter --socket"],
  ["a folder that others may write", () => sharedFolder(), "others may write there"],
  ["a folder that cannot be made", () => "/proc/none/sensor.sock", "choose another with --socket"],
])("%s is refused", async (_, path, message) => {
  await expect(startControlServer(path(), HANDLERS)).rejects.toThrow(message);
});

function sharedFolder(): string {
  const shared = mkdtempSync(join(folder, "shared-"));
  const mask = process.umask(0);
  mkdirSync(join(shared, "open"), { mode: 0o777 });
  process.umask(mask);
  return join(shared, "open", "sensor.sock");
}

test.each([
  ["nothing is there", () => join(folder, "nobody.sock")],
  [
    "a dead socket is there",
    () => {
      const path = freshPath();
      return leaveStaleSocket(path).then(() => path);
    },
  ],
])("the client says that no sensor runs when %s", async (_, path) => {
  const client = new ControlClient(await path());
  clients.push(client);
  await expect(client.status()).rejects.toThrow(NoSensor);
});

test("a server that speaks no HTTP is an error, not a hang", async () => {
  const path = join(folder, "foreign.sock");
  const foreign = createServer((socket) => socket.end("220 smtp ready\r\n")).listen(path);
  await once(foreign, "listening");
  const client = new ControlClient(path);
  clients.push(client);
  await expect(client.status()).rejects.toThrow();
  foreign.close();
});

test("a server that ends removes its socket and breaks off its streams", async () => {
  const { server, client, path } = await setUp({
    async *reset(_, signal): AsyncIterable<ResetLine> {
      yield { type: "matched", count: 1 };
      await once(signal, "abort");
    },
  });
  const lines = client.reset(SPEC)[Symbol.asyncIterator]();
  await lines.next();
  await server.close();
  await expect(lines.next()).rejects.toThrow();
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
});
