import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { type KubeClient, type KubeObject, RESOURCES, Reflector, type ReflectorEvent, type ReflectorOptions, type ReflectorState } from "./mod.ts";
import { type Script, ScriptedServer, json, line, pod, statusBody } from "./scriptedServer.fixture.ts";
import { ManualClock, fastClock } from "./testClock.fixture.ts";

const list = (answer: ServerResponse, version: string, ...items: object[]): void => json(answer, { metadata: { resourceVersion: version }, items });
const bookmark = (version: string): string => line("BOOKMARK", { kind: "Pod", apiVersion: "v1", metadata: { resourceVersion: version } });

const opened: { reflector: Reflector; client: KubeClient; server: ScriptedServer }[] = [];
afterEach(async () => {
  for (const { reflector, client, server } of opened.splice(0)) {
    await reflector.close();
    await client.close();
    await server.close();
  }
});

/** A Reflector before a server that lists what `lists` says, and whose watches the test writes to. */
async function follow(script: Script, clock: ManualClock | ReturnType<typeof fastClock> = new ManualClock(), more: Partial<ReflectorOptions> = {}) {
  const server = await ScriptedServer.start(script);
  const client = server.client(clock);
  const told: string[] = [];
  const states: ReflectorState[] = [];
  const onChange = ({ type, object: { metadata } }: ReflectorEvent): void => void told.push(`${type} ${metadata.name}@${metadata.resourceVersion}`);
  const reflector = new Reflector({ client, resource: RESOURCES.pods, onChange, onState: (state) => states.push(state), ...more });
  opened.push({ reflector, client, server });
  reflector.start();
  const asked = (kind: "list" | "watch") => server.asked.filter(({ query }) => (query.get("watch") === "true") === (kind === "watch"));
  return { server, client, reflector, told, states, asked };
}

/** Lists `items` at version 5; watches are held open for the test to write to. */
function holding(...items: object[]) {
  const watches: ServerResponse[] = [];
  const script: Script = ({ query }, answer) => {
    if (query.get("watch") !== "true") return list(answer, "5", ...items);
    answer.writeHead(200).flushHeaders();
    watches.push(answer);
  };
  return { watches, script };
}

describe("a Reflector", () => {
  it("lists out of the server's cache, watches from there with bookmarks, and tells everything in its order", async () => {
    const { watches, script } = holding(pod("a", "3"));
    const { server, reflector, told, asked } = await follow(script, new ManualClock(), { namespace: "n", labelSelector: "l=1", fieldSelector: "spec.nodeName=x" });
    await expect.poll(() => watches.length).toBe(1);
    watches[0]!.write(line("ADDED", pod("b", "6")) + line("MODIFIED", pod("a", "7")).slice(0, 20));
    await expect.poll(() => reflector.resourceVersion).toBe("6");
    watches[0]!.write(line("MODIFIED", pod("a", "7")).slice(20) + line("DELETED", pod("b", "8")) + bookmark("20"));
    await expect.poll(() => reflector.resourceVersion).toBe("20");
    expect(told).toEqual(["Added a@3", "Added b@6", "Modified a@7", "Deleted b@8"]);
    expect([...reflector.objects.keys()]).toEqual(["n/a"]);
    expect(asked("list").map(({ path, query }) => `${path}?${query.toString()}`)).toEqual(["/prefix/api/v1/namespaces/n/pods?labelSelector=l%3D1&fieldSelector=spec.nodeName%3Dx&limit=500&resourceVersion=0"]);
    const { query } = server.asked.at(-1)!;
    expect(Object.fromEntries(query)).toEqual({ labelSelector: "l=1", fieldSelector: "spec.nodeName=x", resourceVersion: "5", allowWatchBookmarks: "true", timeoutSeconds: "450", watch: "true" });
  });

  it("is synced when the whole first list was told", async () => {
    const { script } = holding(pod("a", "3"), pod("b", "4"));
    const seen: string[] = [];
    const { reflector } = await follow(script, new ManualClock(), { onChange: ({ object }) => seen.push(object.metadata.name), onSynced: () => seen.push("synced") });
    await expect.poll(() => reflector.isSynced).toBe(true);
    expect(seen).toEqual(["a", "b", "synced"]);
  });

  it("names no list as refused any more once it has one, though the watch is still being opened", async () => {
    let lists = 0;
    const { reflector, asked, states } = await follow(({ query }, answer) => {
      if (query.get("watch") === "true") return; // Asked, and never answered.
      return lists++ === 0 ? json(answer, statusBody(403, "Forbidden"), 403) : list(answer, "5", pod("a", "3"));
    }, fastClock(20));
    await expect.poll(() => asked("watch").length).toBeGreaterThan(0);
    expect(states.map(({ error }) => error?.status)).toContain(403);
    expect(reflector.state).toMatchObject({ connected: false, error: undefined });
  });

  it("goes on from the last bookmark after the watch was cut, and waits before", async () => {
    const { watches, script } = holding(pod("a", "3"));
    const clock = new ManualClock();
    const { reflector, asked } = await follow(script, clock);
    await expect.poll(() => watches.length).toBe(1);
    watches[0]!.write(bookmark("30"));
    await expect.poll(() => reflector.resourceVersion).toBe("30");
    watches[0]!.destroy();
    await expect.poll(() => reflector.state.error?.reason).toBe("Unreachable");
    await clock.advance(799);
    expect(asked("watch")).toHaveLength(1);
    await clock.advance(1);
    await expect.poll(() => watches.length).toBe(2);
    expect(asked("watch")[1]!.query.get("resourceVersion")).toBe("30");
    expect(asked("list")).toHaveLength(1);
    expect(reflector.state).toMatchObject({ connected: true, reconnects: 1, relists: 0, error: undefined });
  });

  it("comes back at once where the server ended a long watch in good order", async () => {
    const { watches, script } = holding();
    const clock = new ManualClock();
    const { reflector, states } = await follow(script, clock);
    await expect.poll(() => watches.length).toBe(1);
    await clock.advance(60_000);
    watches[0]!.write(bookmark("30"));
    await expect.poll(() => reflector.resourceVersion).toBe("30");
    watches[0]!.end();
    await expect.poll(() => watches.length).toBe(2);
    const connected = states.map((state) => state.connected);
    expect(connected.lastIndexOf(false)).toBeLessThan(connected.indexOf(true));
  });

  it("breaks off a watch that is silent for 90 s, however healthy the connection looks", async () => {
    const { watches, script } = holding();
    const clock = new ManualClock();
    const { reflector, client } = await follow(script, clock);
    await expect.poll(() => watches.length).toBe(1);
    await clock.advance(60_000);
    watches[0]!.write(bookmark("30"));
    await expect.poll(() => reflector.resourceVersion).toBe("30");
    await clock.advance(89_000);
    expect(reflector.state.connected).toBe(true);
    await clock.advance(1_000);
    await expect.poll(() => reflector.state.error?.message).toMatch(/^Cannot watch pods .*: Timeout, nothing was heard for 90 s/);
    expect(client.counters.silentWatches).toBe(1);
    await clock.advance(800);
    await expect.poll(() => watches.length).toBe(2);
  });

  it("breaks off a watch that goes on past the end that it asked for", async () => {
    const { watches, script } = holding();
    const clock = new ManualClock();
    const { reflector } = await follow(script, clock);
    await expect.poll(() => watches.length).toBe(1);
    for (let minute = 1; minute <= 8; minute++) {
      watches[0]!.write(bookmark(String(100 + minute)));
      await expect.poll(() => reflector.resourceVersion).toBe(String(100 + minute));
      await clock.advance(60_000); // The half-way value of 300 to 600 s is 450, and 30 s more are given.
    }
    await expect.poll(() => reflector.state.error?.reason).toBe("Timeout");
  });

  it("lists again after 10 to 30 minutes, at the end of a watch, for whatever a watch might have lost", async () => {
    const { watches, script } = holding(pod("a", "3"));
    const clock = new ManualClock();
    const { reflector, told, asked } = await follow(script, clock);
    await expect.poll(() => watches.length).toBe(1);
    for (let round = 1; round <= 4; round++) {
      for (let minute = 0; minute < 5; minute++) {
        watches.at(-1)!.write(bookmark(String(100 * round + minute)));
        await expect.poll(() => reflector.resourceVersion).toBe(String(100 * round + minute));
        await clock.advance(60_000);
      }
      watches.at(-1)!.end();
      await expect.poll(() => watches.length).toBe(round + 1);
    }
    expect(asked("list").map(({ query }) => query.get("resourceVersion"))).toEqual(["0", "404"]);
    expect(reflector.state.relists).toBe(1);
    expect(told).toEqual(["Added a@3"]);
  });

  it.each<[string, string | Buffer]>([
    ["is no JSON", "!{}\n"],
    ["is no event", `{"type":"ADDED"}\n`],
    ["is too long", Buffer.alloc((8 << 20) + 1, "x")],
  ])("lists again where a line of the watch %s, and does not read on: what it was is not known", async (_, bad) => {
    const clock = new ManualClock();
    const items = [pod("a", "3")];
    const watches: ServerResponse[] = [];
    const { client, told, asked } = await follow(({ query }, answer) => {
      if (query.get("watch") !== "true") return list(answer, items.length === 1 ? "5" : "7", ...items);
      answer.writeHead(200).flushHeaders();
      watches.push(answer);
    }, clock);
    await expect.poll(() => watches.length).toBe(1);
    items.push(pod("b", "6"));
    watches[0]!.write(Buffer.concat([Buffer.from(bad), Buffer.from(bookmark("7"))]));
    await expect.poll(async () => (await clock.advance(100), watches.length)).toBe(2);
    expect(client.counters.badLines).toBe(1);
    expect(asked("list").map(({ query }) => query.get("resourceVersion"))).toEqual(["0", "5"]);
    expect(told).toEqual(["Added a@3", "Added b@6"]);
  });

  it("obeys Retry-After", async () => {
    const clock = new ManualClock();
    const { asked } = await follow((_, answer) => json(answer, statusBody(429, "TooManyRequests"), 429, { "retry-after": "60" }), clock);
    await expect.poll(() => asked("list").length).toBe(1);
    await clock.advance(59_999);
    expect(asked("list")).toHaveLength(1);
    await clock.advance(6_001);
    await expect.poll(() => asked("list").length).toBe(2);
  });

  it("takes a newer server's word when its own is from the future (another etcd, a backup)", async () => {
    let isRestored = false;
    const { watches, script } = holding(pod("a", "3"));
    const clock = new ManualClock();
    const { asked } = await follow((request, answer) => {
      if (!isRestored || request.query.get("resourceVersion") === null || request.query.get("resourceVersion") === "2") return isRestored && request.query.get("watch") !== "true" ? list(answer, "2", pod("b", "1")) : script(request, answer);
      json(answer, statusBody(504, "Timeout", { message: "Too large resource version: 5, current: 2" }), 504);
    }, clock);
    await expect.poll(() => watches.length).toBe(1);
    isRestored = true;
    watches[0]!.destroy();
    await expect.poll(async () => (await clock.advance(1_000), watches.length)).toBe(2);
    expect(asked("list").map(({ query }) => query.get("resourceVersion"))).toEqual(["0", null]);
  });

  it("lists again after a failure and a watch in which nothing was heard: a server that was restored from a backup is silent up to our version", async () => {
    let isRestored = false;
    const { watches, script } = holding(pod("a", "3"));
    const clock = new ManualClock();
    const { told, asked } = await follow((request, answer) => {
      if (!isRestored || request.query.get("watch") === "true") return script(request, answer);
      if (request.query.get("resourceVersion") !== null) return json(answer, statusBody(504, "Timeout", { message: "Too large resource version: 5, current: 2" }), 504);
      list(answer, "2", pod("b", "1"));
    }, clock);
    await expect.poll(() => watches.length).toBe(1);
    isRestored = true;
    watches[0]!.destroy();
    await expect.poll(async () => (await clock.advance(10_000), told)).toEqual(["Added a@3", "Deleted a@3", "Added b@1"]);
    expect(clock.monotonicMs()).toBeLessThan(1_000_000 + 150_000);
    expect(asked("list").map(({ query }) => query.get("resourceVersion"))).toEqual(["0", "5", null]);
    expect(asked("watch").map(({ query }) => query.get("resourceVersion"))).toEqual(["5", "5", "2"]);
  });

  it("does not list for silence alone: where nothing ever changes, and etcd tells of no progress, a server has no bookmark to send", async () => {
    const { watches, script } = holding(pod("a", "3"));
    const clock = new ManualClock();
    const { reflector, asked } = await follow(script, clock);
    for (let watch = 1; watch <= 3; watch++) await expect.poll(async () => (await clock.advance(10_000), watches.length), { timeout: 3_000 }).toBe(watch);
    // Cut off, and heard since: it is the server that it was.
    watches.at(-1)!.destroy();
    await expect.poll(async () => (await clock.advance(1_000), watches.length)).toBe(4);
    watches.at(-1)!.write(bookmark("7"));
    await expect.poll(() => reflector.resourceVersion).toBe("7");
    await expect.poll(async () => (await clock.advance(10_000), watches.length), { timeout: 3_000 }).toBe(5);
    await expect.poll(async () => (await clock.advance(10_000), watches.length), { timeout: 3_000 }).toBe(6);
    expect(asked("list")).toHaveLength(1);
  });

  it("is not stopped by exceptions of its caller, which are counted", async () => {
    const { watches, script } = holding(pod("a", "3"), pod("b", "4"));
    const kept: string[] = [];
    const broken = (): never => {
      throw new Error("a mistake of the caller");
    };
    const transform = (raw: KubeObject): KubeObject => (raw.metadata.name === "b" ? broken() : raw);
    const { reflector, client } = await follow(script, new ManualClock(), { transform, onChange: ({ object }) => (kept.push(object.metadata.name), broken()), onSynced: broken, onState: broken });
    await expect.poll(() => watches.length).toBe(1);
    watches[0]!.write(line("ADDED", pod("c", "6")));
    await expect.poll(() => kept).toEqual(["a", "c"]);
    expect([...reflector.objects.keys()]).toEqual(["n/a", "n/c"]);
    expect(client.counters.handlerErrors).toBeGreaterThan(4);
  });

  it.each(["a list", "a watch"])("tells nothing after it was closed, also in the middle of %s", async (where) => {
    const { watches, script } = holding(...(where === "a list" ? [pod("a", "3"), pod("b", "4")] : []));
    const seen: string[] = [];
    let closing: Promise<void> | undefined;
    const { reflector } = await follow(script, new ManualClock(), {
      onChange: ({ object }) => {
        seen.push(object.metadata.name);
        closing ??= reflector.close();
      },
    });
    if (where === "a watch") {
      await expect.poll(() => watches.length).toBe(1);
      watches[0]!.write(line("ADDED", pod("a", "6")) + line("ADDED", pod("b", "7")));
    }
    await expect.poll(() => closing !== undefined).toBe(true);
    await closing;
    expect(seen).toEqual(["a"]);
    expect(reflector.state.connected).toBe(false);
  });
});

describe("no failure makes a hot loop", () => {
  const watchScript = (watch: (answer: ServerResponse) => void): Script => ({ query }, answer) => (query.get("watch") === "true" ? watch(answer) : list(answer, "5", pod("a", "3")));
  const rows: readonly [string, Script][] = [
    ["every list is refused", (_, answer) => json(answer, statusBody(500, "InternalError"), 500)],
    ["every list is forbidden", (_, answer) => json(answer, statusBody(403, "Forbidden"), 403)],
    ["every list is forgotten", (_, answer) => json(answer, statusBody(410, "Expired"), 410)],
    ["every list is no JSON", (_, answer) => answer.writeHead(200).end("{")],
    ["every list is cut", (_, answer) => answer.destroy()],
    ["every watch is refused", watchScript((answer) => json(answer, statusBody(500, "InternalError"), 500))],
    ["every watch is forgotten (410)", watchScript((answer) => json(answer, statusBody(410, "Expired"), 410))],
    ["every watch says 410", watchScript((answer) => answer.writeHead(200).end(line("ERROR", statusBody(410, "Expired"))))],
    ["every watch says 500", watchScript((answer) => answer.writeHead(200).end(line("ERROR", statusBody(500, "InternalError"))))],
    ["every watch says an error without an object", watchScript((answer) => answer.writeHead(200).end(`{"type":"ERROR"}\n`))],
    ["every watch ends at once, in good order", watchScript((answer) => answer.writeHead(200).end())],
    ["every watch ends after an event", watchScript((answer) => answer.writeHead(200).end(line("MODIFIED", pod("a", "6"))))],
    ["every watch ends within a line", watchScript((answer) => answer.writeHead(200).end("{"))],
    ["every watch is cut", watchScript((answer) => answer.destroy())],
    ["every watch is no JSON", watchScript((answer) => answer.writeHead(200).end("{\n"))],
    ["every watch has an event without an object", watchScript((answer) => answer.writeHead(200).end(`{"type":"ADDED"}\nnull\n`))],
    ["every watch has an event of a type unknown", watchScript((answer) => answer.writeHead(200).end(line("BOOM", pod("a", "6"))))],
    ["every watch has a line without an end", watchScript((answer) => answer.writeHead(200).end(Buffer.alloc(9 << 20, "x")))],
  ];
  it.each(rows)("%s", async (_, script) => {
    const clock = fastClock(1_000);
    const { asked, reflector } = await follow(script, clock);
    const startMs = clock.monotonicMs();
    await expect.poll(() => clock.monotonicMs() - startMs, { timeout: 10_000 }).toBeGreaterThan(600_000);
    // Ten minutes: 6 waits up to 30 s, then 15 to 30 s each: some 30 rounds of a list and a watch, each said twice where it was cut.
    const rounds = 6 + (clock.monotonicMs() - startMs) / 15_000;
    expect(asked("list").length + asked("watch").length).toBeLessThan(4 * rounds);
    expect(asked("list").length).toBeGreaterThan(0);
    expect(reflector.isSynced).toBe(!_.startsWith("every list"));
  });

  it("nobody listens", async () => {
    const clock = fastClock(1_000);
    const { server, reflector, client } = await follow((_, answer) => answer.destroy(), clock);
    await server.close();
    await expect.poll(() => clock.monotonicMs(), { timeout: 10_000 }).toBeGreaterThan(600_000);
    expect(client.counters.requests().reduce((sum, { count }) => sum + count, 0)).toBeLessThan(60);
    expect(reflector.state.error?.message).toContain("ECONNREFUSED");
  });
});
