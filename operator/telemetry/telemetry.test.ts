import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { createRegistry, listen, parseListen, startHealthServer, startProfilingServer } from "./mod.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

describe("health", () => {
  it("says ok, or why not, and nothing else", async () => {
    let trouble: string | undefined = "nobody leads yet";
    const server = await startHealthServer(LOOPBACK, { health: () => undefined, readiness: () => trouble });
    const get = async (path: string) => {
      const answer = await fetch(`${server.url}${path}`);
      return [answer.status, await answer.text()];
    };
    expect(await get("/healthz")).toEqual([200, "ok\n"]);
    expect(await get("/readyz?verbose")).toEqual([503, "nobody leads yet\n"]);
    trouble = undefined;
    expect(await get("/readyz")).toEqual([200, "ok\n"]);
    expect((await get("/metrics"))[0]).toBe(404);
    await server.close();
  });

  it("names the address that it cannot have", async () => {
    const server = await startHealthServer(LOOPBACK, { health: () => undefined, readiness: () => undefined });
    const { port } = new URL(server.url);
    await expect(startHealthServer({ host: "127.0.0.1", port: Number(port) }, { health: () => undefined, readiness: () => undefined })).rejects.toThrow(/^Cannot listen on 127\.0\.0\.1:\d+ for health: .*EADDRINUSE/);
    await server.close();
  });
});

it("health is served at every address where no host is said", async () => {
  const server = await startHealthServer(parseListen(":0"), { health: () => undefined, readiness: () => undefined });
  const { port } = new URL(server.url);
  expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toBe("ok\n");
  await server.close();
});

it("a small server keeps no place for who connects and says nothing, of whichever scheme", async () => {
  for (const scheme of ["http", "https"] as const) {
    const { server, close } = await listen("a test", LOOPBACK, scheme, () => {}, 100);
    const silent = connect((server.address() as AddressInfo).port, "127.0.0.1");
    silent.on("error", () => {});
    await once(server, "connection");
    await once(silent.resume(), "close", { signal: AbortSignal.timeout(5_000) });
    await close();
  }
});

describe("profiling", () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.7", "localhost", ""]) {
    it(`is not served at ${host === "" ? "every address" : host}`, async () => {
      await expect(startProfilingServer({ host, port: 0 })).rejects.toThrow(/^Cannot serve profiles there, expected an address of loopback/);
    });
  }

  it("makes one profile at a time", async () => {
    const server = await startProfilingServer(LOOPBACK);
    const cpu = fetch(`${server.url}/debug/cpu?seconds=0.3`);
    await expect.poll(async () => (await fetch(`${server.url}/debug/nothing`)).status).toBe(409);
    expect(Object.keys((await (await cpu).json()) as object)).toContain("nodes");
    const heap = (await (await fetch(`${server.url}/debug/heap`)).json()) as { snapshot: object };
    expect(heap.snapshot).toBeDefined();
    await server.close();
  });
});

it("metrics are read when they are asked for", async () => {
  let value = 1;
  const registry = createRegistry([{ type: "gauge", name: "a_b", help: "h", collect: () => [{ labels: { c: "d" }, value }] }]);
  value = 2;
  expect(await registry.metrics()).toContain('a_b{c="d"} 2');
});

describe("an address to listen on", () => {
  for (const [text, address] of [
    [":8443", { host: "", port: 8_443 }],
    ["[::]:8443", { host: "::", port: 8_443 }],
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:9", { host: "::1", port: 9 }],
    ["8443", undefined],
    ["a:99999", undefined],
    ["[x]:1", undefined],
  ] as const) {
    it(`${text} is ${address === undefined ? "refused" : "read"}`, () => {
      if (address === undefined) expect(() => parseListen(text)).toThrow(/^Cannot read an address to listen on.*: current value is /);
      else expect(parseListen(text)).toEqual(address);
    });
  }
});
