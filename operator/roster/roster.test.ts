import { describe, expect, it } from "vitest";
import { MAX_SENSORS, revisionOf, Roster, STALE_AFTER_MS } from "./mod.ts";
import { reportOf } from "./report.fixture.ts";

const WALL = Date.parse("2026-11-26T12:00:00Z");
const beatAt = (ms: number) => ({ node: "n1", fleet: "default", version: "0.1.0", time: new Date(ms).toISOString(), policies: "7", flowResets: "8" });
const failure = { kind: "ResponsePolicy", namespace: "shop", name: "p", uid: "u1", generation: 2, message: "rules[0]" } as const;

describe("the roster", () => {
  it("knows a sensor as fresh until nothing was heard of it for three heartbeats", () => {
    const roster = new Roster();
    roster.hear(reportOf("n1"), 0);
    expect(roster.isFresh("n1", STALE_AFTER_MS - 1)).toBe(true);
    expect(roster.isFresh("n1", STALE_AFTER_MS)).toBe(false);
    expect(roster.isFresh("n2", 0)).toBe(false);
  });

  it("says when a sensor is back", () => {
    const roster = new Roster();
    expect(roster.hear(reportOf("n1"), 0)!.isBack).toBe(true);
    expect(roster.hear(reportOf("n1"), 1)!.isBack).toBe(false);
    expect(roster.hear(reportOf("n1"), STALE_AFTER_MS + 1)!.isBack).toBe(true);
  });

  it("takes the first heartbeat at its word and later ones as heard when seen, whatever the node's clock says", () => {
    const roster = new Roster();
    roster.beat(beatAt(WALL - 200_000), 1_000_000, WALL);
    expect(roster.isFresh("n1", 1_000_000)).toBe(true);
    expect(roster.isFresh("n1", 1_000_000 + 70_000)).toBe(false);
    expect(roster.beat(beatAt(WALL - 9_000_000), 1_100_000, WALL + 100_000)).toBe(true);
    expect(roster.isFresh("n1", 1_100_000 + STALE_AFTER_MS - 1)).toBe(true);
    roster.beat(beatAt(WALL + 9_000_000), 1_200_000, WALL + 200_000);
    expect(roster.isFresh("n1", 1_200_000 + STALE_AFTER_MS)).toBe(false);
  });

  it("gives a sensor that has written no heartbeat yet three heartbeats for it", () => {
    const roster = new Roster();
    roster.beat({ ...beatAt(WALL), time: "" }, 0, WALL);
    expect(roster.isFresh("n1", STALE_AFTER_MS - 1)).toBe(true);
    expect(roster.isFresh("n1", STALE_AFTER_MS)).toBe(false);
  });

  it("takes the first heartbeat at its word also where the object was seen before it, unless a report was heard", () => {
    const roster = new Roster();
    const old = { ...beatAt(WALL - STALE_AFTER_MS - 1), fleet: "default" };
    for (const node of ["n1", "n2"]) roster.beat({ ...old, node, time: "" }, 0, WALL);
    roster.hear(reportOf("n2"), 0);
    for (const node of ["n1", "n2"]) roster.beat({ ...old, node }, 1, WALL + 1);
    expect([roster.isFresh("n1", 1), roster.isFresh("n2", 1)]).toEqual([false, true]);
  });

  it("believes its SensorNode of what a sensor has taken over where its reports do not come, or no longer", () => {
    const roster = new Roster();
    const observed = { observed: { policies: "5", flowResets: "5", fleet: "1" } };
    roster.hear(reportOf("n1", observed), 0);
    roster.beat(beatAt(WALL), 60_000, WALL);
    expect(roster.sensors.get("n1")).toMatchObject({ policies: 5, flowResets: 5 });
    roster.beat(beatAt(WALL + 1), STALE_AFTER_MS, WALL + STALE_AFTER_MS);
    expect(roster.sensors.get("n1")).toMatchObject({ policies: 7, flowResets: 8 });
    roster.hear(reportOf("n1", { sequence: 2, ...observed }), STALE_AFTER_MS + 1);
    roster.beat({ ...beatAt(WALL + 2), policies: "9" }, STALE_AFTER_MS + 2, WALL);
    expect(roster.sensors.get("n1")!.policies).toBe(7);
  });

  it("does not take an old heartbeat that is merely shown again for a new one", () => {
    const roster = new Roster();
    roster.beat(beatAt(WALL), 0, WALL);
    roster.beat(beatAt(WALL), 200_000, WALL + 200_000);
    expect(roster.isFresh("n1", STALE_AFTER_MS)).toBe(false);
  });

  it("lets what was taken over grow within a session, and begin anew with the next", () => {
    const roster = new Roster();
    const observed = (policies: string) => ({ observed: { policies, flowResets: "1", fleet: "1" } });
    expect(roster.hear(reportOf("n1", observed("50")), 0)!.policiesBefore).toBe(0);
    expect(roster.hear(reportOf("n1", { sequence: 2, ...observed("40") }), 1)!.policiesBefore).toBe(50);
    expect(roster.sensors.get("n1")!.policies).toBe(50);
    roster.hear(reportOf("n1", { session: "s2", ...observed("") }), 2);
    expect(roster.sensors.get("n1")!.policies).toBe(0);
  });

  it("believes a lower version in a session where the API server was restored: the version of one watch never falls else", () => {
    const roster = new Roster();
    const hear = (sequence: number, policies: string, fleet: string, atMs: number) => {
      roster.hear(reportOf("n1", { sequence, observed: { policies, flowResets: policies, fleet } }), atMs);
      return roster.sensors.get("n1")!.policies;
    };
    expect(hear(1, "100", "90", 0)).toBe(100);
    expect([hear(2, "90", "90", 1), hear(3, "90", "", 2)]).toEqual([100, 100]);
    // A repeated post tells of the past.
    expect([hear(4, "101", "91", 3), hear(3, "50", "40", 4)]).toEqual([101, 101]);
    // Its other watches have not come to the end of their silence yet.
    expect([hear(5, "101", "40", 5), hear(6, "42", "42", 60_000), hear(7, "41", "42", 600_000)]).toEqual([101, 42, 42]);
  });

  it("names the policies whose failures changed, and keeps a list that is not told anew", () => {
    const roster = new Roster();
    expect(roster.hear(reportOf("n1", { failures: [failure] }), 0)!.failuresChanged).toEqual(["u1"]);
    expect(roster.hear(reportOf("n1", { sequence: 2 }), 1)!.failuresChanged).toEqual([]);
    expect(roster.sensors.get("n1")!.failures).toHaveLength(1);
    expect(roster.hear(reportOf("n1", { sequence: 3, failures: [{ ...failure, uid: "u2" }] }), 2)!.failuresChanged).toEqual(["u2", "u1"]);
    expect(roster.hear(reportOf("n1", { session: "s2" }), 3)!.failuresChanged).toEqual(["u2"]);
  });

  it("refuses one sensor more than it has room for", () => {
    const roster = new Roster();
    for (let index = 0; index < MAX_SENSORS; index++) roster.hear(reportOf(`n${index}`), 0);
    expect(roster.hear(reportOf("one-more"), 0)).toBeUndefined();
    expect(roster.hear(reportOf("n1"), 1)).toBeDefined();
  });
});

describe("a resource version", () => {
  for (const [text, revision] of [
    ["4711", 4711],
    ["", 0],
    [undefined, 0],
    ["12x", 0],
    ["-1", 0],
    ["9".repeat(16), 0],
  ] as const) {
    it(`${JSON.stringify(text)} is ${revision}`, () => expect(revisionOf(text)).toBe(revision));
  }
});
