/**
 * GET /debug/cpu?seconds=10 (a .cpuprofile) and /debug/heap (a .heapsnapshot), for Chrome's and VS Code's tools. What is in
 * memory is in a snapshot, tokens too: it is for whoever can already reach this process's loopback.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { listen, type OpenServer } from "./listen.ts";

const DEFAULT_SECONDS = 10;
const MAX_SECONDS = 300;

/** Rejects when the address cannot be bound, or is not of loopback. */
export async function startProfilingServer(address: { host: string; port: number }): Promise<OpenServer> {
  const isLoopback = isIP(address.host) !== 0 && ipaddr.parse(address.host).range() === "loopback";
  if (!isLoopback) throw new Error(`Cannot serve profiles there, expected an address of loopback such as 127.0.0.1: current value is ${address.host}`);
  let isBusy = false;
  return listen("profiling", address, "http", (request, response) => {
    request.resume();
    if (isBusy) return void response.writeHead(409).end("another profile is being made\n");
    isBusy = true;
    void answer(request, response)
      .catch((error: unknown) => response.destroy(error as Error))
      .finally(() => (isBusy = false));
  });
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = URL.parse(request.url ?? "/", "http://operator");
  if (url?.pathname === "/debug/cpu") {
    const asked = Number(url.searchParams.get("seconds") ?? DEFAULT_SECONDS);
    const seconds = asked > 0 ? Math.min(asked, MAX_SECONDS) : DEFAULT_SECONDS;
    const profile = await cpuProfile(seconds * 1_000);
    response.writeHead(200, { "content-type": "application/json", "content-disposition": 'attachment; filename="operator.cpuprofile"' }).end(JSON.stringify(profile));
  } else if (url?.pathname === "/debug/heap") {
    const { getHeapSnapshot } = await import("node:v8");
    response.writeHead(200, { "content-type": "application/json", "content-disposition": 'attachment; filename="operator.heapsnapshot"' });
    const { pipeline } = await import("node:stream/promises");
    await pipeline(getHeapSnapshot(), response);
  } else response.writeHead(404).end("try /debug/cpu?seconds=10 or /debug/heap\n");
}

async function cpuProfile(ms: number): Promise<object> {
  const { Session } = await import("node:inspector/promises");
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await new Promise((resolve) => setTimeout(resolve, ms));
    return (await session.post("Profiler.stop")).profile;
  } finally {
    session.disconnect();
  }
}
