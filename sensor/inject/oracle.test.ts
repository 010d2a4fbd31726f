/** Connections of which nothing, or nothing fresh, is known: the SYN oracle and the gentle probe, as conversations. */
import { describe, expect, it } from "vitest";
import { add } from "../decode/mod.ts";
import { LinuxEndpoint } from "./linuxEndpoint.fixture.ts";
import { KillRequest, StartResult, UnseenTuple } from "./mod.ts";
import { CLIENT_ISN, CLIENT_PORT, SERVER_ISN, SERVER_PORT, World } from "./world.fixture.ts";
import type { WorldOptions } from "./world.fixture.ts";

const states = (world: World) => world.ends.map((end) => end.state);

/** Two ends that are connected and idle, and a sensor that has seen nothing of them. */
function unseen(options: WorldOptions = {}): World {
  return new World(LinuxEndpoint.pair(CLIENT_ISN, SERVER_ISN), options);
}

function startUnseen(world: World, change: Partial<KillRequest> = {}): number {
  const tuple = new UnseenTuple();
  tuple.address.set([0, 0, 0xffff, 0x0af40107, 0, 0, 0xffff, 0x0af40209]);
  tuple.clientPort = CLIENT_PORT;
  tuple.serverPort = SERVER_PORT;
  const result = world.injector.startUnseen(tuple, Object.assign(new KillRequest(), { mayAsk: true }, change), world.nowMs);
  world.work();
  return result;
}

describe("the SYN oracle", () => {
  it("learns the numbers of a connection that was never seen, and kills both ends exactly", () => {
    const world = unseen();
    expect(startUnseen(world)).toBe(StartResult.Started);
    world.live(200);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.ends.map((end) => end.challenges)).toEqual([1, 1]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", reason: "CutAfterEstablished", client: { dead: true }, server: { dead: true } }]);
  });

  it("asks again after the 500 ms gate when the answer is lost", () => {
    const world = unseen();
    world.options.loss = 1;
    startUnseen(world);
    world.live(5);
    world.options.loss = 0;
    world.live(490);
    expect(states(world)).toEqual(["established", "established"]);
    world.live(200);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
  });

  it("of ends that are dead already says AlreadyDead and spends no RST", () => {
    const world = unseen();
    world.ends[0].state = world.ends[1].state = "closed";
    startUnseen(world);
    world.live(200);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", reason: "AlreadyDead", rsts: 0, client: { proof: "RstInAnswerToSyn" }, server: { proof: "RstInAnswerToSyn" } }]);
  });

  it("undoes the connection that its SYN opens at a listener", () => {
    const world = unseen();
    world.ends[0].state = "closed";
    world.ends[1] = new LinuxEndpoint("listen", 0x7777);
    startUnseen(world);
    world.live(200);
    expect(world.ends[1].state).toBe("closed");
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", server: { dead: true } }]);
  });

  it("of a half-open connection kills the end that lives", () => {
    const world = unseen();
    world.ends[0].state = "closed";
    startUnseen(world);
    world.live(800);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
  });

  it("silence is Unconfirmed", () => {
    const world = unseen();
    world.options.loss = 1;
    startUnseen(world);
    world.live(4_000);
    expect(world.log.told).toMatchObject([{ outcome: "Unconfirmed", reason: "Silent", rsts: 0 }]);
    expect(world.injector.unattached).toBe(0);
  });

  it("is not used where the request does not allow it", () => {
    const world = unseen();
    expect(startUnseen(world, { mayAsk: false })).toBe(StartResult.Failed);
    expect(world.forged).toEqual([]);
    expect(world.log.told).toMatchObject([{ outcome: "Failed", reason: "NumbersUnknown" }]);
  });

  it("keeps within the limit of kills without a record", () => {
    const world = unseen({ limits: { unattachedKills: 1 } });
    startUnseen(world);
    const other = Object.assign(new UnseenTuple(), { clientPort: 1, serverPort: 2 });
    expect(world.injector.startUnseen(other, Object.assign(new KillRequest(), { mayAsk: true }), world.nowMs)).toBe(StartResult.Failed);
    expect(world.log.told).toMatchObject([{ outcome: "Failed", reason: "KillLimit" }]);
  });
});

describe("an idle connection whose numbers were once seen", () => {
  it("dies by the gentle probe alone where they are old", () => {
    const world = World.established();
    // Everything since went unseen.
    for (const end of world.ends) end.toSend = 3_000;
    world.options.blind = () => true;
    world.live(100);
    world.options.blind = () => false;
    world.startKill({ mayAsk: true });
    world.live(300);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.spent(0, "SYN") + world.spent(1, "SYN")).toBe(0);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
  });

  it("is asked by SYN where probe and RST fall into the window and draw nothing", () => {
    const world = World.established();
    // The sensor believes in bytes that were never delivered: its numbers are ahead.
    world.see(0, { sequence: world.ends[0].next, acknowledgement: world.ends[0].expects, flags: 0x10, length: 1_000 });
    world.see(1, { sequence: world.ends[1].next, acknowledgement: add(world.ends[0].next, 1_000), flags: 0x10, length: 1_000 });
    world.see(0, { sequence: add(world.ends[0].next, 1_000), acknowledgement: add(world.ends[1].next, 1_000), flags: 0x10, length: 0 });
    world.startKill({ mayAsk: true });
    world.live(3_000);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
  });
});
