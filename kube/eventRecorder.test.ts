import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { KubeCounters } from "./counters.ts";
import { type EventDetails, EventRecorder, type KubeClient } from "./mod.ts";
import { type Asked, type Script, ScriptedServer, json, statusBody } from "./scriptedServer.fixture.ts";
import { ManualClock } from "./testClock.fixture.ts";

const regarding = { apiVersion: "flowreset.io/v1alpha1", kind: "FlowReset", namespace: "n", name: "f", uid: "u" };
const event = (change: Partial<EventDetails> = {}): EventDetails => ({ regarding, type: "Normal", reason: "ConnectionReset", action: "Reset", note: "1 connection was cut", ...change });

async function setUp(script: Script = (_, answer) => json(answer, {})) {
  const server = await ScriptedServer.start(script);
  const clock = new ManualClock();
  const client = server.client(clock);
  const recorder = new EventRecorder({ client, reportingController: "flowreset.io/operator", reportingInstance: "operator-0" });
  const told = (): string[] => server.asked.map(({ method, body }) => `${method} ${body.reason ?? ""}${body.series === undefined ? "" : ` x${body.series.count}`}`);
  return { server, clock, client, recorder, told, [Symbol.asyncDispose]: async () => void (await client.close(), await server.close()) };
}

describe("an event is written", () => {
  it("with everything that kubectl shows", async () => {
    await using test = await setUp();
    test.recorder.record(event({ related: { apiVersion: "v1", kind: "Pod", namespace: "n", name: "p" } }));
    await expect.poll(() => test.client.counters.eventsSent).toBe(1);
    const { method, path, body } = test.server.asked[0]!;
    expect(`${method} ${path}`).toBe("POST /prefix/apis/events.k8s.io/v1/namespaces/n/events");
    expect(body).toEqual({
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: expect.stringMatching(/^f\.[0-9a-f]+$/), namespace: "n" },
      eventTime: "2026-01-01T00:16:40.000000Z",
      reportingController: "flowreset.io/operator",
      reportingInstance: "operator-0",
      regarding,
      related: { apiVersion: "v1", kind: "Pod", namespace: "n", name: "p" },
      type: "Normal",
      reason: "ConnectionReset",
      action: "Reset",
      note: "1 connection was cut",
    });
  });

  it.each([
    ["into the namespace default, about what has none", event({ regarding: { ...regarding, namespace: undefined } }), (asked: Asked) => expect(asked.path).toContain("/namespaces/default/")],
    ["with a note that is cut between characters", event({ note: "é".repeat(2_000) }), ({ body }: Asked) => {
      expect(Buffer.byteLength(body.note)).toBeLessThanOrEqual(1_024);
      expect(body.note).toMatch(/^é{500,}\.\.\.$/);
    }],
    ["with a name that is one, also where the object's is cut at a dot", event({ regarding: { ...regarding, name: `${"x".repeat(199)}.${"y".repeat(40)}` } }), ({ body }: Asked) => expect(body.metadata.name).toMatch(/^x{199}\.[0-9a-f]+$/)],
    ["with a name that is not too long", event({ regarding: { ...regarding, name: "x".repeat(253) } }), ({ body }: Asked) => expect(body.metadata.name.length).toBeLessThanOrEqual(253)],
  ])("%s", async (_, details, check) => {
    await using test = await setUp();
    test.recorder.record(details);
    await expect.poll(() => test.client.counters.eventsSent).toBe(1);
    check(test.server.asked[0]!);
  });
});

it("no event waits for the next one, at whatever moment it comes", async () => {
  for (let ticks = 0; ticks < 16; ticks++) {
    const written: string[] = [];
    const client = { clock: new ManualClock(), counters: new KubeCounters(), create: async (_: unknown, { reason }: { reason: string }) => written.push(reason) } as unknown as KubeClient;
    const recorder = new EventRecorder({ client, reportingController: "flowreset.io/operator", reportingInstance: "operator-0" });
    recorder.record(event({ reason: "First" }));
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
    recorder.record(event({ reason: "Second" }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toEqual(["First", "Second"]);
  }
});

it("what is counted while a write is under way is written when the recorder closes", async () => {
  const counts: number[] = [];
  const answers: (() => void)[] = [];
  const written = (count: number) => new Promise<void>((resolve) => void (counts.push(count), answers.push(resolve)));
  const client = {
    clock: new ManualClock(),
    counters: new KubeCounters(),
    create: () => written(1),
    patch: (_: unknown, __: unknown, { series }: { series: { count: number } }) => written(series.count),
  } as unknown as KubeClient;
  const recorder = new EventRecorder({ client, reportingController: "flowreset.io/operator", reportingInstance: "operator-0" });
  for (let times = 0; times < 3; times++) recorder.record(event({}));
  const closed = recorder.close();
  for (let turn = 0; turn < 8; turn++) {
    answers.splice(0).forEach((answer) => answer());
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  expect(counts).toEqual([1, 3]);
});

describe("what happens again is counted, not written again", () => {
  it("the second time at once, then once a minute", async () => {
    await using test = await setUp();
    test.recorder.record(event());
    await expect.poll(() => test.client.counters.eventsSent).toBe(1);
    test.recorder.record(event({ note: "2 connections were cut" }));
    await expect.poll(() => test.client.counters.eventsSent).toBe(2);
    for (let times = 0; times < 48; times++) test.recorder.record(event());
    await test.clock.advance(59_999);
    expect(test.told()).toEqual(["POST ConnectionReset", "PATCH  x2"]);
    await test.clock.advance(1);
    await expect.poll(() => test.told()).toEqual(["POST ConnectionReset", "PATCH  x2", "PATCH  x50"]);
    expect(test.server.asked[1]!.path).toBe(`/prefix/apis/events.k8s.io/v1/namespaces/n/events/${test.server.asked[0]!.body.metadata.name}`);
    await test.clock.advance(300_000);
    expect(test.server.asked).toHaveLength(3);
  });

  it.each<[string, Partial<EventDetails>]>([
    ["another object", { regarding: { ...regarding, uid: "v" } }],
    ["another reason", { reason: "Else" }],
    ["another action", { action: "Else" }],
    ["another type", { type: "Warning" }],
    ["another second object", { related: regarding }],
  ])("%s is another event", async (_, change) => {
    await using test = await setUp();
    test.recorder.record(event());
    test.recorder.record(event(change));
    await expect.poll(() => test.told().filter((text) => text.startsWith("POST")).length).toBe(2);
  });

  it("after ten quiet minutes it is a new event", async () => {
    await using test = await setUp();
    test.recorder.record(event());
    await expect.poll(() => test.client.counters.eventsSent).toBe(1);
    await test.clock.advance(600_000);
    test.recorder.record(event());
    await expect.poll(() => test.told()).toEqual(["POST ConnectionReset", "POST ConnectionReset"]);
  });

  it("goes on in a new event where the server has dropped the old one", async () => {
    await using test = await setUp(({ method }, answer) => (method === "PATCH" ? json(answer, statusBody(404, "NotFound"), 404) : json(answer, {})));
    test.recorder.record(event());
    await expect.poll(() => test.client.counters.eventsSent).toBe(1);
    test.recorder.record(event());
    await expect.poll(() => test.told()).toEqual(["POST ConnectionReset", "PATCH  x2", "POST ConnectionReset x2"]);
    expect(test.server.asked[2]!.body.metadata.name).not.toBe(test.server.asked[0]!.body.metadata.name);
  });
});

describe("nobody waits for events, and nothing grows", () => {
  it("an object may speak 25 times, and then once in five minutes; others are heard", async () => {
    await using test = await setUp();
    for (let index = 0; index < 100; index++) test.recorder.record(event({ reason: `R${index}` }));
    test.recorder.record(event({ regarding: { ...regarding, name: "other" } }));
    await expect.poll(() => test.client.counters.eventsSent).toBe(26);
    expect(test.client.counters.eventsDropped).toBe(75);
    await test.clock.advance(300_000);
    test.recorder.record(event({ reason: "Later" }));
    test.recorder.record(event({ reason: "TooSoon" }));
    await expect.poll(() => test.client.counters.eventsSent).toBe(27);
    expect(test.server.asked.at(-1)!.body.reason).toBe("Later");
  });

  it("waits for a server that is away, a few times, and counts what was lost", async () => {
    let answers = 0;
    await using test = await setUp((_, answer) => (answers++ < 2 ? json(answer, statusBody(503, "ServiceUnavailable"), 503) : json(answer, {})));
    test.recorder.record(event());
    await expect.poll(() => answers).toBe(1);
    await test.clock.advance(1_000);
    await expect.poll(() => answers).toBe(2);
    await test.clock.advance(1_999);
    expect(answers).toBe(2);
    await test.clock.advance(1);
    await expect.poll(() => test.client.counters.eventsSent).toBe(1);
  });

  it("does not insist where it is refused: one try a minute an event", async () => {
    await using test = await setUp((_, answer) => json(answer, statusBody(403, "Forbidden"), 403));
    for (let minute = 1; minute <= 3; minute++) {
      for (let times = 0; times < 20; times++) test.recorder.record(event());
      await expect.poll(() => test.client.counters.eventsFailed).toBe(minute);
      await test.clock.advance(59_999);
      expect(test.server.asked).toHaveLength(minute);
      await test.clock.advance(1);
    }
  });

  it("holds at most a thousand that wait, and drops them when it is closed", async () => {
    const held: ServerResponse[] = [];
    await using test = await setUp((_, answer) => void held.push(answer));
    for (let index = 0; index < 3_000; index++) test.recorder.record(event({ regarding: { ...regarding, uid: String(index) } }));
    expect(test.client.counters.eventsDropped).toBe(2_000 - 1);
    await expect.poll(() => held.length).toBe(1);
    const closing = test.recorder.close(2_000);
    await test.clock.advance(2_000);
    await closing;
    expect(test.client.counters.eventsDropped + test.client.counters.eventsFailed).toBe(3_000);
    test.recorder.record(event());
    expect(held).toHaveLength(1);
  });

  it("writes the counts that have grown before it is closed", async () => {
    await using test = await setUp();
    test.recorder.record(event());
    await expect.poll(() => test.client.counters.eventsSent).toBe(1);
    test.recorder.record(event());
    await expect.poll(() => test.client.counters.eventsSent).toBe(2);
    test.recorder.record(event());
    await test.recorder.close();
    expect(test.told().at(-1)).toBe("PATCH  x3");
  });
});
