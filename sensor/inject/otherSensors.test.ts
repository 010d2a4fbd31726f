/** Two sensors on one path: the first one acts, the other waits, and neither answers the other's packets. */
import { describe, expect, it } from "vitest";
import { TcpFlag } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { Mark, identificationOf, windowOf } from "./mark.ts";
import { MARK_KEY, World } from "./world.fixture.ts";
import type { Side } from "./world.fixture.ts";

/** Another sensor's RST to `to`, seen by ours; it is exact, and reaches its end unless `lost`. */
function otherFires(world: World, to: Side, lost = false): void {
  const from = (1 - to) as Side;
  const segment = { sequence: world.ends[to].expects, acknowledgement: 0, flags: TcpFlag.Rst, length: 0 };
  const word = new Mark(MARK_KEY).of(segment.sequence, 0, TcpFlag.Rst);
  world.markNext = (packet: Packet) => Object.assign(packet, { window: windowOf(word), ipId: identificationOf(word) });
  world.show(from, segment, from + 1, 0);
  world.run(0.1);
  world.markNext = undefined;
  if (!lost) world.ends[to].receive(segment, world.nowMs);
}

describe("the first actor rule", () => {
  it("a sensor that was told to wait fires nothing where the first one has killed, and confirms by its probes", () => {
    const world = World.established();
    world.startKill({ delayMs: 20 });
    world.run(1);
    otherFires(world, 0);
    otherFires(world, 1);
    world.live(100);
    expect(world.spent(0, "RST") + world.spent(1, "RST")).toBe(0);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", rsts: 0 }]);
  });

  it("after 20 ms without a RST the second one acts", () => {
    const world = World.established();
    world.startKill({ delayMs: 20 });
    world.live(15);
    expect(world.forged).toEqual([]);
    world.live(100);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", client: { rsts: 1 }, server: { rsts: 1 } }]);
  });

  it("a RST of another sensor just before the verdict holds ours back 20 ms", () => {
    const world = World.established();
    otherFires(world, 0, true);
    world.startKill();
    world.live(15);
    expect(world.forged).toEqual([]);
    world.live(500);
    expect(world.ends.map((end) => end.state)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
  });

  it("who has caught a marked RST and sends it again and again holds a kill back once, not for ever", () => {
    const world = World.established();
    const caught = { sequence: 0x12345678, acknowledgement: 0, flags: TcpFlag.Rst, length: 0 };
    const word = new Mark(MARK_KEY).of(caught.sequence, 0, TcpFlag.Rst);
    const replay = (): void => {
      world.markNext = (packet: Packet) => Object.assign(packet, { window: windowOf(word), ipId: identificationOf(word) });
      world.show(0, caught, 1, 0);
      world.run(0.1);
      world.markNext = undefined;
    };
    replay();
    world.startKill({ delayMs: 5 });
    for (let turn = 0; turn < 20; turn++) {
      replay();
      world.live(5);
    }
    expect(world.ends.map((end) => end.state)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
  });

  it("an own RST seen on its way is evidence of nothing but that", () => {
    const world = World.established();
    world.startKill();
    const own = world.forged[0]!;
    const word = new Mark(MARK_KEY).of(own.sequence, 0, TcpFlag.Rst);
    world.markNext = (packet: Packet) => Object.assign(packet, { window: windowOf(word), ipId: identificationOf(word) });
    world.show(1, { sequence: own.sequence, acknowledgement: 0, flags: TcpFlag.Rst, length: 0 }, 1, 4);
    world.run(0.1);
    world.markNext = undefined;
    expect(world.injector.counters.ownSeen).toBe(1);
    expect(world.injector.counters.foreignSeen).toBe(0);
    world.live(100);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", server: { proof: "RstInAnswerToProbe" } }]);
  });
});
