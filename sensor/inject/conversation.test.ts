/** Kills as conversations between a sensor and two Linux ends. */
import { describe, expect, it } from "vitest";
import { TcpFlag, add } from "../decode/mod.ts";
import { FlowFlag } from "../flow/mod.ts";
import { KillRequest, KillTarget, Route, StartResult, UnseenTuple } from "./mod.ts";
import { World } from "./world.fixture.ts";

const states = (world: World) => world.ends.map((end) => end.state);

describe("a kill of an idle connection", () => {
  it("resets both ends with one exact RST each and proves both dead by a probe", () => {
    const world = World.established();
    world.startKill();
    world.live(100);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{
      outcome: "Confirmed",
      reason: "CutAfterEstablished",
      client: { dead: true, proof: "RstInAnswerToProbe", rsts: 1, probes: 1 },
      server: { dead: true, proof: "RstInAnswerToProbe", rsts: 1, probes: 1 },
    }]);
  });

  it("is over after the watch, and nothing is left waiting", () => {
    const world = World.established();
    world.startKill();
    world.live(3_000);
    expect(world.injector.active).toBe(0);
    expect(world.injector.tick(world.nowMs)).toBe(Infinity);
    expect(world.log.told.length).toBe(1);
  });

  it("sends a frame on each end's own interface, and to a far end by raw socket", () => {
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

  it("sends the last acknowledged number beside the next where they differ: BSD compares with that one", () => {
    const world = World.established();
    world.ends[0].toSend = 100;
    world.run(1);
    world.startKill();
    const [client] = world.ends;
    expect(world.forged.filter((one) => one.to === 1).map((one) => one.sequence)).toEqual([client.next, client.unacknowledged]);
    world.live(100);
    expect(world.log.told[0]!.outcome).toBe("Confirmed");
  });

  it("the sender of the trigger is reset first: its number stands still", () => {
    const world = World.established();
    world.startKill({ side: 1 });
    expect(world.forged.map((one) => one.to)).toEqual([1, 0]);
  });

  it("closes the conntrack entry of two near ends by raw RSTs once both are dead", () => {
    const world = World.established();
    world.startKill();
    world.live(100);
    expect(world.forged.slice(-2).map(({ to, kind, route }) => [to, kind, route])).toEqual([[0, "RST", Route.Raw4], [1, "RST", Route.Raw4]]);
    expect(world.injector.counters.entriesClosed).toBe(2);
  });

  it("spares the end that was not meant", () => {
    const world = World.established();
    world.startKill({ target: KillTarget.Client });
    world.live(100);
    expect(states(world)).toEqual(["closed", "established"]);
    expect(world.spent(1, "RST") + world.spent(1, "probe")).toBe(0);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", server: { dead: false, proof: "None" } }]);
  });

  it("a second request for the same connection joins the first and widens it", () => {
    const world = World.established();
    expect(world.startKill({ target: KillTarget.Client })).toBe(StartResult.Started);
    expect(world.startKill({ target: KillTarget.Server })).toBe(StartResult.Joined);
    world.live(100);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", client: { dead: true }, server: { dead: true } }]);
  });

  it("a request that joined hears the outcome too, marked as told again; a third one is told that it will not", () => {
    const world = World.established();
    world.startKill({ origin: 7 });
    expect(world.startKill({ origin: 8, tellJoined: true })).toBe(StartResult.Joined);
    expect(world.startKill({ origin: 9, tellJoined: true })).toBe(StartResult.JoinedUntold);
    world.live(100);
    const confirmed = { outcome: "Confirmed", reason: "CutAfterEstablished" };
    expect(world.log.told).toMatchObject([{ ...confirmed, origin: 7, joined: false }, { ...confirmed, origin: 8, joined: true }]);
    expect(world.startKill({ origin: 9, tellJoined: true })).toBe(StartResult.Joined);
    expect(world.log.told.slice(2)).toMatchObject([{ outcome: "Confirmed", reason: "AlreadyDead", origin: 9, joined: true }]);
  });

  it("a request that widens a kill under watch hears what comes of that", () => {
    const world = World.established();
    world.startKill({ target: KillTarget.Client });
    world.live(100);
    expect(world.startKill({ target: KillTarget.Server, origin: 8, tellJoined: true })).toBe(StartResult.Joined);
    world.live(100);
    expect(world.log.told.at(-1)).toMatchObject({ outcome: "Confirmed", origin: 8, joined: true, server: { dead: true } });
  });
});

describe("a kill of a moving connection", () => {
  it("chases an upload at full speed until both ends are dead", () => {
    const world = World.established({ lagMs: 3 });
    world.ends[0].toSend = 100_000_000;
    world.live(20);
    world.startKill();
    world.live(300);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told[0]).toMatchObject({ outcome: "Confirmed", client: { dead: true }, server: { dead: true } });
    expect(world.log.told[0]!.client.bytesAfter).toBeGreaterThan(0);
  });

  it("counts the bytes that each end sent after the trigger, and none before it", () => {
    const world = World.established();
    world.startKill();
    world.live(100);
    expect(world.log.told[0]).toMatchObject({ client: { bytesAfter: 0 }, server: { bytesAfter: 0 } });
  });

  it("resets a receiver that outruns every exact number by the edge of its receive window", () => {
    const outrun = (sack: boolean) => {
      const world = World.established({ sack, delayMs: [0.02, 0.02], limits: { sackEdgeAfterRsts: 2 } });
      const [client, server] = world.ends;
      // Whatever number the sensor fires, data has passed it by a moment.
      const receive = server.receive.bind(server);
      server.receive = (segment, nowMs) => {
        if ((segment.flags & TcpFlag.Rst) !== 0) receive({ sequence: server.expects, acknowledgement: server.next, flags: TcpFlag.Ack, length: 1 }, nowMs);
        return receive(segment, nowMs);
      };
      world.startKill({ target: KillTarget.Server });
      for (let round = 0; round < 8; round++) {
        world.pass(0, { sequence: server.expects, acknowledgement: client.expects, flags: TcpFlag.Ack, length: 100 });
        world.live(5);
      }
      return { state: server.state, edges: world.injector.counters.edgeRsts };
    };
    expect(outrun(false)).toEqual({ state: "established", edges: 0 });
    expect(outrun(true)).toEqual({ state: "closed", edges: 1 });
  });

  it("fires again when the first RSTs are lost", () => {
    const world = World.established();
    world.options.loss = 1;
    world.startKill();
    world.options.loss = 0;
    world.live(50);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told[0]).toMatchObject({ outcome: "Confirmed", client: { rsts: 2 }, server: { rsts: 2 } });
  });

  it("a live end that answers the probe is killed by the numbers in its answer", () => {
    const world = World.established({ blind: (packet) => packet.payloadLength === 777 });
    // The sensor misses this exchange: its numbers are old, and the RSTs inexact.
    world.ends[0].toSend = 777;
    world.live(60);
    world.startKill();
    world.live(1_500);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told[0]!.outcome).toBe("Confirmed");
  });
});

describe("proof", () => {
  it("silence of both ends is Unconfirmed", () => {
    const world = World.established();
    world.options.loss = 1;
    world.startKill();
    world.live(4_000);
    expect(world.log.told).toMatchObject([{ outcome: "Unconfirmed", reason: "Silent", client: { dead: false, proof: "None" }, server: { dead: false, proof: "None" } }]);
    expect(world.injector.active).toBe(0);
  });

  it("an end that passes over every RST and answers probes has evaded", () => {
    const world = World.established();
    world.ends[1].ignoresRst = true;
    world.startKill();
    world.live(4_000);
    expect(world.log.told).toMatchObject([{ outcome: "Evaded", reason: "LivesOn", client: { dead: true }, server: { dead: false, proof: "AnsweredProbe" } }]);
    expect(world.log.told[0]!.rsts).toBeLessThanOrEqual(64);
  });

  it("two ends that ignore RSTs and go on sending have evaded, and the budget holds", () => {
    const world = World.established();
    for (const end of world.ends) {
      end.ignoresRst = true;
      end.toSend = 1_000_000_000;
    }
    world.startKill();
    for (let time = 0; time < 4_000 && world.log.told.length === 0; time += 50) {
      for (const end of world.ends) end.flight = 3_000;
      world.live(50);
    }
    expect(world.log.told).toMatchObject([{ outcome: "Evaded", reason: "LivesOn" }]);
    expect(world.spent(0, "RST") + world.spent(1, "RST")).toBeLessThanOrEqual(64);
    expect(world.log.told[0]!.client.rsts).toBeGreaterThan(8);
    expect(world.log.told[0]!.server.rsts).toBeGreaterThan(8);
  });

  it("a FIN is no death", () => {
    const world = World.established();
    world.ends[0].ignoresRst = true;
    world.startKill();
    world.pass(0, { sequence: world.ends[0].next, acknowledgement: world.ends[0].expects, flags: TcpFlag.Fin | TcpFlag.Ack, length: 0 });
    world.live(50);
    expect(world.log.told).toEqual([]);
  });

  it("a RST in an end's name that came in by another interface proves nothing", () => {
    const world = World.established();
    world.ends[0].ignoresRst = true;
    world.startKill();
    world.run(1);
    // The server's host forges the client's RST: it comes in by interface 2.
    world.show(0, { sequence: world.ends[0].next, acknowledgement: 0, flags: TcpFlag.Rst, length: 0 }, 2, 0);
    world.live(1_000);
    expect(world.log.told.filter((told) => told.client.dead)).toEqual([]);
  });

  it("an end's own exact RST proves it dead without a probe", () => {
    const world = World.established();
    world.ends[0].toSend = 1_448;
    world.startKill();
    world.live(10);
    expect(world.log.told[0]!.outcome).toBe("Confirmed");
  });

  it("a Confirmed connection that moves again is corrected to Evaded", () => {
    const world = World.established();
    world.startKill();
    world.live(300);
    expect(world.log.told.length).toBe(1);
    world.pass(0, { sequence: world.ends[0].next, acknowledgement: world.ends[0].expects, flags: TcpFlag.Ack, length: 100 });
    world.live(50);
    expect(world.log.told[1]).toMatchObject({ outcome: "Evaded", reason: "MovedAfterConfirmed", client: { dead: false, proof: "SentData" } });
  });

  it("a packet that was still under way when the end died corrects nothing", () => {
    const world = World.established();
    world.startKill();
    world.live(20);
    world.pass(0, { sequence: world.ends[0].next, acknowledgement: world.ends[0].expects, flags: TcpFlag.Ack, length: 100 });
    world.live(3_000);
    expect(world.log.told.map((told) => told.outcome)).toEqual(["Confirmed"]);
  });
});

describe("what is not killed", () => {
  it("an authenticated connection fails at once and no RST is wasted", () => {
    const world = World.established();
    world.table.setFlag(world.slot(), FlowFlag.Authenticated);
    expect(world.startKill()).toBe(StartResult.Failed);
    expect(world.log.told).toMatchObject([{ outcome: "Failed", reason: "Authenticated", rsts: 0, probes: 0 }]);
    expect(world.injector.active).toBe(0);
  });

  it("a packet with RST draws nothing", () => {
    const world = World.established();
    world.ends[0].ignoresRst = world.ends[1].ignoresRst = true;
    world.startKill();
    world.run(0.5);
    const before = world.forged.length;
    for (let offset = 1; offset < 20; offset++) world.see(0, { sequence: add(world.ends[0].next, offset), acknowledgement: 0, flags: TcpFlag.Rst, length: 0 });
    expect(world.forged.length).toBe(before);
  });

  it("after stop() nothing leaves, and running kills say so", () => {
    const world = World.established();
    world.options.loss = 1;
    world.startKill();
    const before = world.forged.length;
    world.injector.stop(world.nowMs);
    world.live(1_000);
    expect(world.forged.length).toBe(before);
    expect(world.startKill()).toBe(StartResult.Failed);
    expect(world.log.told.map((told) => told.reason)).toEqual(["Stopped", "Stopped"]);
    world.options.loss = 0;
    world.injector.resume();
    world.startKill();
    world.live(100);
    expect(world.log.told[2]!.outcome).toBe("Confirmed");
  });

  it("beyond the limit of kills a request fails, says so and is counted", () => {
    const world = World.established({ limits: { kills: 1 } });
    world.startKill();
    const tuple = Object.assign(new UnseenTuple(), { clientPort: 1, serverPort: 2 });
    expect(world.injector.startUnseen(tuple, Object.assign(new KillRequest(), { mayAsk: true }), world.nowMs)).toBe(StartResult.Failed);
    expect(world.log.told).toMatchObject([{ outcome: "Failed", reason: "KillLimit" }]);
    expect(world.injector.counters.killsRefused).toBe(1);
    expect(world.injector.active).toBe(1);
  });

  it("a request for a record that is free fails", () => {
    const world = World.established();
    expect(world.startKill({ slot: 5 })).toBe(StartResult.Failed);
    expect(world.startKill({ slot: -1 })).toBe(StartResult.Failed);
    expect(world.forged).toEqual([]);
  });
});

describe("a record that goes", () => {
  it("the kill goes on by the tuple", () => {
    const world = World.established();
    world.options.loss = 1;
    world.startKill();
    world.options.loss = 0;
    world.injector.onEvict(world.slot());
    expect(world.injector.active).toBe(1);
    world.live(100);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
  });
});

describe("numbers that jump without a SYN", () => {
  /** Megabytes both ways that the sensor misses: what it sees next could be any connection. */
  function jumped(mayAsk: boolean): World {
    const world = World.established();
    world.options.blind = () => true;
    for (const end of world.ends) end.toSend = 5_000_000;
    world.live(500);
    world.options.blind = () => false;
    world.startKill({ mayAsk });
    world.live(4_000);
    return world;
  }

  it("are another, innocent connection's for detection", () => {
    const world = jumped(false);
    expect(states(world)).toEqual(["established", "established"]);
    expect(world.log.told).toMatchObject([{ outcome: "Unconfirmed" }]);
  });

  it("are the connection's own for a FlowReset", () => {
    const world = jumped(true);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
  });
});

describe("a way that the kernel refuses", () => {
  it("the frame fails: the raw socket is tried", () => {
    const world = World.established();
    world.errorOf = (route) => (route === Route.Frame ? 100 : 0);
    world.startKill();
    world.live(100);
    expect(states(world)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", client: { sendError: 100 } }]);
  });

  it("a full buffer is no refusal: the same way is tried again", () => {
    const world = World.established();
    let refusals = 3;
    world.errorOf = () => (refusals-- > 0 ? 105 : 0);
    world.startKill();
    world.live(100);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", client: { sendError: 105 } }]);
    expect(world.forged.filter((one) => one.kind === "RST").slice(0, 2).map((one) => one.route)).toEqual([Route.Frame, Route.Frame]);
  });

  it("every way fails: NoRoute, with the errno", () => {
    const world = World.established();
    world.errorOf = () => 101;
    world.startKill();
    world.live(100);
    expect(world.log.told).toMatchObject([{ outcome: "Failed", reason: "NoRoute", client: { sendError: 101 }, server: { sendError: 101 } }]);
  });
});

describe("an end whose own interface is not watched", () => {
  for (const [name, hidden] of [["server", 2], ["client", 1]] as const) {
    it(`is proved dead by its RST on the way to the other end: the ${name}`, () => {
      const world = World.established({ blind: (_packet, interfaceIndex) => interfaceIndex === hidden });
      world.startKill();
      world.live(100);
      expect(states(world)).toEqual(["closed", "closed"]);
      expect(world.log.told).toMatchObject([{ outcome: "Confirmed", client: { dead: true }, server: { dead: true } }]);
    });
  }
});
