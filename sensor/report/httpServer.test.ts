import { once } from "node:events";
import { connect } from "node:net";
import { Registry } from "prom-client";
import { afterEach, expect, test } from "vitest";
import { isLoopback, parseListen, startHttpServer } from "./httpServer.ts";
import type { HttpServer } from "./httpServer.ts";

const open: HttpServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(state: { health?: string; ready?: string } = {}): Promise<HttpServer> {
  const server = await startHttpServer({
    listen: "127.0.0.1:0",
    metrics: new Registry(),
    health: () => state.health,
    readiness: () => state.ready,
  });
  open.push(server);
  return server;
}

test("metrics, health and readiness are answered; trouble is 503 and says which", async () => {
  const state: { health?: string; ready?: string } = {};
  const { url } = await start(state);
  const metrics = await fetch(`${url}/metrics?x=1`);
  expect(metrics.status).toBe(200);
  expect(metrics.headers.get("content-type")).toContain("version=0.0.4");
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  state.ready = "no policy yet";
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([503, "no policy yet\n"]);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test.each([
  ["POST", "/metrics", 405],
  ["GET", "/", 404],
  ["GET", "/metrics/../etc/passwd", 404],
])("%s %s is answered %d", async (method, path, status) => {
  const { url } = await start();
  expect((await fetch(`${url}${path}`, { method })).status).toBe(status);
});

test.each([["127.0.0.1:9464", true], ["[::1]:1", true], ["localhost:1", true], [":9464", false], ["0.0.0.0:1", false], ["10.0.0.1:1", false], ["127.example.com:1", false], ["[::ffff:10.0.0.1]:1", false]])("%s is of this machine alone: %s", (listen, expected) => {
  expect(isLoopback(listen)).toBe(expected);
});

test("an oversized header is refused and the server lives on", async () => {
  const { url } = await start();
  const response = await fetch(url, { headers: { "x-long": "x".repeat(20_000) } });
  expect(response.status).toBe(431);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test("close() does not wait for a client that says nothing", async () => {
  const { url, close } = await start();
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  const gone = once(socket, "close");
  socket.on("error", () => {});
  await close();
  await gone;
  open.length = 0;
});

test("a taken address says so and what to do", async () => {
  const { url } = await start();
  const listen = new URL(url).host;
  await expect(
    startHttpServer({ listen, metrics: new Registry(), health: () => undefined, readiness: () => undefined }),
  ).rejects.toThrow(`Cannot listen on ${listen}: EADDRINUSE; another sensor? choose another with --listen`);
});

test.each([
  ["127.0.0.1:9464", "127.0.0.1", 9464],
  ["[::1]:1", "::1", 1],
  [":9464", "::", 9464],
  ["localhost:0", "localhost", 0],
])("%s is read as %s and %d", (text, host, port) => {
  expect(parseListen(text)).toEqual({ host, port });
});

test.each(["", "9464", "127.0.0.1", "::1:9464", "[nope]:1", "[127.0.0.1]:1", "h:65536", "h:-1", "h:1:2"])(
  "%s is refused as an address to listen on",
  (text) => {
    expect(() => parseListen(text)).toThrow(`got ${text}`);
  },
);
