import { describe, expect, it } from "vitest";
import { LeaderElector } from "./mod.ts";
import { type Script, ScriptedServer, json, statusBody } from "./scriptedServer.fixture.ts";
import { ManualClock } from "./testClock.fixture.ts";

/** A server with one Lease and optimistic locking. */
async function setUp(holder?: { identity: string; renewTime: string; leaseDurationSeconds?: number }) {
  const state = { isAway: false, version: 1, lease: undefined as any };
  const write = (lease: any): any => (state.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(++state.version) } });
  const hold = (identity: string, renewTime: string, leaseDurationSeconds = 15): void => write({ metadata: { name: "l", namespace: "n" }, spec: { holderIdentity: identity, renewTime, leaseDurationSeconds, leaseTransitions: 4 } });
  const script: Script = ({ method, body }, answer) => {
    if (state.isAway) return json(answer, statusBody(500, "InternalError"), 500);
    if (method === "POST") return json(answer, write(body), 201);
    if (state.lease === undefined) return json(answer, statusBody(404, "NotFound"), 404);
    if (method === "GET") return json(answer, state.lease);
    if (body.metadata.resourceVersion !== state.lease.metadata.resourceVersion) return json(answer, statusBody(409, "Conflict"), 409);
    json(answer, write(body));
  };
  if (holder !== undefined) hold(holder.identity, holder.renewTime, holder.leaseDurationSeconds);
  const server = await ScriptedServer.start(script);
  const clock = new ManualClock();
  const client = server.client(clock);
  const told: string[] = [];
  const elector = new LeaderElector({ client, namespace: "n", name: "l", identity: "me", onStartedLeading: () => told.push("started"), onStoppedLeading: () => told.push("stopped"), onNewLeader: (identity) => told.push(`leader ${identity || "nobody"}`) });
  /** Seconds pass, each with what it brings. */
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      const before = server.asked.length;
      await clock.advance(1_000);
      if (server.asked.length > before) await expect.poll(async () => (await clock.advance(0), server.asked.length)).toBeGreaterThan(before);
    }
  };
  elector.start();
  await expect.poll(() => server.asked.length).toBeGreaterThan(0);
  return { elector, clock, client, server, state, hold, told, pass, [Symbol.asyncDispose]: async () => void (await elector.close(), await client.close(), await server.close()) };
}

describe("a lease is taken", () => {
  it("where there is none, and kept by one request each two seconds", async () => {
    await using test = await setUp();
    await expect.poll(() => test.told).toEqual(["leader me", "started"]);
    const before = test.server.asked.length;
    await test.pass(10);
    await expect.poll(() => test.server.asked.length - before).toBe(5);
    expect(test.server.asked.slice(before).map(({ method }) => method)).toEqual(["PUT", "PUT", "PUT", "PUT", "PUT"]);
    expect(test.state.lease.spec).toMatchObject({ holderIdentity: "me", leaseDurationSeconds: 15, leaseTransitions: 0 });
  });

  it.each(["1999-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"])("of another only after its whole duration under our own eyes, whatever its clock says: %s", async (renewTime) => {
    await using test = await setUp({ identity: "other", renewTime });
    await expect.poll(() => test.told).toEqual(["leader other"]);
    await test.pass(14);
    expect(test.told).toEqual(["leader other"]);
    await expect.poll(async () => (await test.pass(1), test.told)).toEqual(["leader other", "leader me", "started"]);
    expect(test.state.lease.spec).toMatchObject({ holderIdentity: "me", leaseTransitions: 5 });
  });

  it("never while another renews it", async () => {
    await using test = await setUp({ identity: "other", renewTime: "0" });
    for (let round = 1; round <= 10; round++) {
      await test.pass(5);
      test.hold("other", String(round));
    }
    expect(test.told).toEqual(["leader other"]);
  });

  it("at once where it was given back", async () => {
    await using test = await setUp({ identity: "", renewTime: "0", leaseDurationSeconds: 1 });
    await expect.poll(() => test.told).toEqual(["leader me", "started"]);
  });
});

describe("leadership ends", () => {
  it("when no renewal was granted for ten seconds, five before another may take it", async () => {
    await using test = await setUp();
    await expect.poll(() => test.told).toContain("started");
    test.state.isAway = true;
    await test.clock.advance(9_999);
    expect(test.elector.isLeader).toBe(true);
    await test.clock.advance(1);
    expect(test.elector.isLeader).toBe(false);
    await expect.poll(() => test.told.at(-1)).toBe("stopped");
  });

  it("as soon as another is seen to hold the lease", async () => {
    await using test = await setUp();
    await expect.poll(() => test.told).toContain("started");
    test.hold("other", "1");
    await expect.poll(async () => (await test.clock.advance(500), test.told)).toEqual(["leader me", "started", "leader other", "stopped"]);
    expect(test.state.lease.spec.holderIdentity).toBe("other");
  });

  it("by closing: the lease is given back, and nobody is told to end", async () => {
    await using test = await setUp();
    await expect.poll(() => test.told).toContain("started");
    await test.elector.close();
    expect(test.state.lease.spec).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1 });
    expect(test.told).toEqual(["leader me", "started"]);
  });

  it("never begins with times that could make two leaders", () => {
    const options = { client: {} as never, namespace: "n", name: "l", identity: "me", onStartedLeading: () => {}, onStoppedLeading: () => {} };
    expect(() => new LeaderElector({ ...options, renewDeadlineMs: 15_000 })).toThrow("Cannot elect a leader, expected lease duration > renew deadline > 1.2 x retry period: current value is 15000, 15000, 2000 ms");
  });
});
