/**
 * The chase under random conditions: lag of the sensor, loss and reordering of every packet (forged ones too), any
 * load. Whatever happens both ends die, the budget holds, and a connection opened again on the tuple lives.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { add } from "../decode/mod.ts";
import { LinuxEndpoint } from "./linuxEndpoint.fixture.ts";
import { World } from "./world.fixture.ts";

const load = fc.record({
  seed: fc.integer(),
  clientBytes: fc.constantFrom(0, 100, 50_000, 20_000_000),
  serverBytes: fc.constantFrom(0, 100, 50_000, 20_000_000),
  delayClientMs: fc.constantFrom(0.02, 0.5, 5),
  delayServerMs: fc.constantFrom(0.02, 0.5, 20),
  lagMs: fc.constantFrom(0.02, 0.5, 3, 10),
  loss: fc.constantFrom(0, 0.01, 0.1),
  reorder: fc.constantFrom(0, 0.1),
  farServer: fc.boolean(),
  side: fc.constantFrom(0, 1),
});

function busy(options: { seed: number; clientBytes: number; serverBytes: number; delayClientMs: number; delayServerMs: number; lagMs: number; loss: number; reorder: number; farServer: boolean }): World {
  const { seed, delayClientMs, delayServerMs, lagMs, loss, reorder, farServer } = options;
  const world = World.established({ seed, lagMs, loss, reorder, farServer, delayMs: [delayClientMs, delayServerMs] });
  // Bandwidth of a few hundred Mbit/s at these delays, so that a run takes no minute.
  for (const end of world.ends) end.flight = 14_480;
  world.ends[0].toSend = options.clientBytes;
  world.ends[1].toSend = options.serverBytes;
  world.live(20);
  return world;
}

describe("the chase", () => {
  it("kills both ends in every run, and proves it", () => {
    let runs = 0;
    let rsts = 0;
    fc.assert(fc.property(load, (options) => {
      const world = busy(options);
      world.startKill({ side: options.side });
      for (let passedMs = 0; passedMs < 3_500 && world.log.told.length === 0; passedMs += 50) world.live(50);
      expect(world.ends.map((end) => end.state)).toEqual(["closed", "closed"]);
      expect(world.log.told).toMatchObject([{ outcome: "Confirmed", client: { dead: true }, server: { dead: true } }]);
      expect(world.log.told[0]!.rsts).toBeLessThanOrEqual(64);
      runs++;
      rsts += world.log.told[0]!.rsts;
    }), { numRuns: 50, seed: 20_260_101 });
    expect(rsts / runs).toBeLessThan(12);
  });

  it("never touches a connection that the client opens again on the same tuple", () => {
    fc.assert(fc.property(load, fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1_000, max: 20_000_000 }), (options, afterTenthsMs, isnStep) => {
      const world = busy({ ...options, loss: 0 });
      const [oldClient, oldServer] = world.ends;
      const listening = new LinuxEndpoint("listen", add(oldServer.isn, isnStep));
      const receive = oldServer.receive.bind(oldServer);
      oldServer.receive = (segment, nowMs) => (oldServer.state === "closed" ? listening.receive(segment, nowMs) : receive(segment, nowMs));
      const poll = oldServer.poll.bind(oldServer);
      oldServer.poll = (nowMs) => [...poll(nowMs), ...listening.poll(nowMs)];
      world.startKill({ side: options.side });
      world.run(afterTenthsMs / 10);
      const again = new LinuxEndpoint("closed", add(oldClient.next, isnStep));
      world.ends[0] = again;
      world.send(0, again.connect());
      world.live(2_500);
      expect(oldServer.state).toBe("closed");
      expect([again.state, listening.state]).toEqual(["established", "established"]);
      again.toSend = 3_000;
      listening.toSend = 3_000;
      world.live(200);
      expect([again.received, listening.received]).toEqual([3_000, 3_000]);
      expect(world.log.told.filter((told) => told.outcome !== "Confirmed")).toEqual([]);
    }), { numRuns: 25, seed: 20_260_102 });
  });
});
