import { describe, expect, it } from "vitest";
import { type KubeClient, type KubeError, type KubeObject, RESOURCES } from "./mod.ts";
import { type Script, ScriptedServer, json, statusBody } from "./scriptedServer.fixture.ts";
import { ManualClock } from "./testClock.fixture.ts";

const reference = { namespace: "n", name: "p" };
const object: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: reference };
const failure = (promise: Promise<unknown>): Promise<KubeError> => promise.then(() => expect.unreachable(), (error: KubeError) => error);

async function setUp(script: Script) {
  const server = await ScriptedServer.start(script);
  const clock = new ManualClock();
  const client = server.client(clock);
  return { server, clock, client, [Symbol.asyncDispose]: async () => void (await client.close(), await server.close()) };
}

describe("an exchange", () => {
  it("says who asks, for what, behind the server's path", async () => {
    await using test = await setUp((_, answer) => json(answer, { metadata: {} }));
    await test.client.patch(RESOURCES.flowResets, { namespace: "a/b", name: "x" }, { a: 1 }, { fieldManager: "me", subresource: "status" });
    expect(test.server.asked[0]).toMatchObject({
      method: "PATCH",
      path: "/prefix/apis/flowreset.io/v1alpha1/namespaces/a%2Fb/flowresets/x/status",
      headers: { authorization: "Bearer token", accept: "application/json", "user-agent": "scripted", "content-type": "application/merge-patch+json" },
      body: { a: 1 },
    });
    expect(test.server.asked[0]!.query.toString()).toBe("fieldManager=me");
    expect(test.client.counters.requests()).toEqual([{ verb: "patch", resource: "flowresets.flowreset.io/status", code: 200, count: 1 }]);
    expect(test.client.counters.lastContactMs).toBe(test.clock.wallMs());
  });

  it("shows new credentials once when the old ones are refused", async () => {
    await using test = await setUp(({ headers }, answer) => (headers.authorization === "Bearer new" ? json(answer, { metadata: {} }) : json(answer, statusBody(401, "Unauthorized"), 401)));
    test.server.tokens = ["old", "new", "unused"];
    await test.client.create(RESOURCES.pods, { apiVersion: "v1", kind: "Pod", metadata: reference });
    expect(test.server.asked.map(({ headers }) => headers.authorization)).toEqual(["Bearer old", "Bearer new"]);
  });

  it.each([
    ["there are no others", ["old"], 1],
    ["those are refused too", ["old", "older", "oldest"], 2],
  ])("does not insist when %s", async (_, tokens, times) => {
    await using test = await setUp((__, answer) => json(answer, statusBody(401, "Unauthorized"), 401));
    test.server.tokens = tokens;
    expect(await failure(test.client.get(RESOURCES.pods, reference))).toMatchObject({ status: 401, reason: "Unauthorized" });
    expect(test.server.asked).toHaveLength(times);
  });

  it("passes on how long the server wants to be left alone: the header before the body", async () => {
    await using test = await setUp((_, answer) => json(answer, statusBody(429, "TooManyRequests", { details: { retryAfterSeconds: 9 } }), 429, { "retry-after": "2" }));
    expect(await failure(test.client.get(RESOURCES.pods, reference))).toMatchObject({ status: 429, retryAfterMs: 2_000 });
    expect(test.server.asked).toHaveLength(1);
  });

  it.each<[string, (client: KubeClient) => Promise<unknown>, number]>([
    ["get", (client: KubeClient) => client.get(RESOURCES.pods, reference), 2],
    ["apply", (client: KubeClient) => client.apply(RESOURCES.pods, object, { fieldManager: "me" }), 2],
    ["create", (client: KubeClient) => client.create(RESOURCES.pods, object), 1],
    ["replace", (client: KubeClient) => client.replace(RESOURCES.pods, object), 1],
    ["delete", (client: KubeClient) => client.delete(RESOURCES.pods, reference), 1],
    ["patch", (client: KubeClient) => client.patch(RESOURCES.pods, reference, {}), 1],
  ])("says again what a closing connection swallowed only where twice is as good as once: %s", async (_, call, times) => {
    await using test = await setUp((__, answer) => answer.destroy());
    expect(await failure(call(test.client))).toMatchObject({ status: 0, reason: "Unreachable" });
    expect(test.server.asked).toHaveLength(times);
  });

  it.each<[string, Script]>([
    ["no head", () => {}],
    ["no end of the body", (_, answer) => answer.writeHead(200).write("{")],
  ])("gives up after its time: %s", async (_, script) => {
    await using test = await setUp(script);
    const running = failure(test.client.get(RESOURCES.pods, reference, { timeoutMs: 5_000 }));
    await expect.poll(() => test.server.asked.length).toBe(1);
    await test.clock.advance(4_999);
    await test.clock.advance(1);
    expect(await running).toMatchObject({ status: 0, reason: "Timeout", message: expect.stringContaining("no answer within 5 s") });
  });

  it("ends with its caller's signal, before and while it runs", async () => {
    await using test = await setUp(() => {});
    const controller = new AbortController();
    const running = failure(test.client.get(RESOURCES.pods, reference, { signal: controller.signal }));
    await expect.poll(() => test.server.asked.length).toBe(1);
    controller.abort();
    expect(await running).toMatchObject({ status: 0, reason: "Aborted" });
    expect(await failure(test.client.get(RESOURCES.pods, reference, { signal: controller.signal }))).toMatchObject({ reason: "Aborted" });
    expect(test.server.asked).toHaveLength(1);
  });

  it("takes no body without an end", async () => {
    await using test = await setUp((_, answer) => {
      answer.writeHead(200);
      const more = (): void => void (answer.writable && answer.write(Buffer.alloc(1 << 20, " "), more));
      more();
    });
    expect(await failure(test.client.get(RESOURCES.pods, reference))).toMatchObject({ reason: "ResponseTooLarge", message: expect.stringContaining("expected at most 8388608 bytes") });
  });

  it("says so when the answer is no JSON", async () => {
    await using test = await setUp((_, answer) => answer.writeHead(200).end("<html>"));
    expect(await failure(test.client.get(RESOURCES.pods, reference))).toMatchObject({ verb: "get", resource: "pods", objectName: "n/p", message: expect.stringContaining("not valid JSON") });
  });

  it("names what cannot be reached", async () => {
    await using test = await setUp(() => {});
    await test.server.close();
    expect(await failure(test.client.get(RESOURCES.pods, reference))).toMatchObject({ reason: "Unreachable", message: expect.stringContaining("ECONNREFUSED") });
    expect(test.client.counters.requests()).toEqual([{ verb: "get", resource: "pods", code: 0, count: 1 }]);
  });

  it("lets twenty watches starve no request", async () => {
    await using test = await setUp(({ query }, answer) => (query.get("watch") === "true" ? answer.writeHead(200).flushHeaders() : json(answer, { metadata: {} })));
    const streams = await Promise.all(Array.from({ length: 20 }, () => test.client.openWatch(RESOURCES.pods, undefined, {})));
    await test.client.get(RESOURCES.pods, reference);
    for (const stream of streams) stream.cut();
  });

  it("refuses to name one of many without a namespace", async () => {
    await using test = await setUp(() => {});
    expect(() => test.client.get(RESOURCES.pods, { name: "p" })).toThrow("Cannot name one of pods, expected a namespace: current value is p without one");
  });
});
