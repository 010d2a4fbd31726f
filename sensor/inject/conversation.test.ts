/** Kills as conversations between a sensor and two Linux ends. */
import { describe, expect, it } from "vitest";
import { Route } from "./mod.ts";
import { World } from "./world.fixture.ts";

describe("a kill of an idle connection", () => {
  it("resets both ends with one exact RST each and proves both dead by a probe", () => {
    const world = World.established();
    world.startKill();
    world.live(100);
    expect(world.ends.map((end) => end.state)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{
      outcome: "Confirmed",
      reason: "CutAfterEstablished",
      client: { dead: true, proof: "RstInAnswerToProbe", rsts: 1, probes: 1 },
      server: { dead: true, proof: "RstInAnswerToProbe", rsts: 1, probes: 1 },
    }]);
  });

  it("is over within the watch, and nothing is left waiting", () => {
    const world = World.established();
    world.startKill();
    world.live(3_000);
    expect(world.injector.active).toBe(0);
    expect(world.injector.tick(world.nowMs)).toBe(Infinity);
    expect(world.log.told.length).toBe(1);
  });

  it("sends a frame on each end's own interface, and the far end's by raw socket", () => {
    const both = World.established();
    both.startKill();
    expect(both.forged.map(({ to, kind, route, interfaceIndex }) => [to, kind, route, interfaceIndex])).toEqual([
      [0, "RST", Route.Frame, 1],
      [1, "RST", Route.Frame, 2],
    ]);
    const far = World.established({ farServer: true });
    far.startKill();
    expect(far.forged.map(({ to, route, interfaceIndex }) => [to, route, interfaceIndex])).toEqual([[0, Route.Frame, 1], [1, Route.Raw4, 0]]);
    far.live(100);
    expect(far.log.told[0]!.outcome).toBe("Confirmed");
  });

  it("works over IPv6", () => {
    const world = World.established({ ipVersion: 6, farServer: true });
    world.startKill();
    world.live(100);
    expect(world.log.told[0]!.outcome).toBe("Confirmed");
    expect(world.log.told[0]!.clientEndpoint).toBe("[fd00:1::7]:40000");
    expect(world.forged[1]!.route).toBe(Route.Raw6);
  });
});
