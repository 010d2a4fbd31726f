/** Refusals in the handshake, holds, and connections opened again, as conversations. */
import { describe, expect, it } from "vitest";
import { TcpFlag, add } from "../decode/mod.ts";
import { FlowState } from "../flow/mod.ts";
import { LinuxEndpoint } from "./linuxEndpoint.fixture.ts";
import { World } from "./world.fixture.ts";
import type { WorldOptions } from "./world.fixture.ts";

/** A client connects; the sensor refuses at the first SYN that it sees. */
function refused(options: WorldOptions): World {
  const world = World.fresh(options);
  world.onSeen = (_packet, slot) => {
    if (slot >= 0 && world.table.state(slot) === FlowState.SynSent && world.log.told.length === 0 && world.injector.active === 0) world.startKill({ refuse: true });
  };
  world.send(0, world.ends[0].connect());
  return world;
}

describe("a refusal in the handshake", () => {
  it("of a server 20 ms away is there first: the client is refused, the server's request dropped", () => {
    const world = refused({ delayMs: [0.05, 10], farServer: true });
    world.live(200);
    const [client, server] = world.ends;
    expect(client.state).toBe("closed");
    expect(client.resetBy).toMatchObject({ flags: TcpFlag.Rst | TcpFlag.Ack, acknowledgement: add(client.isn, 1) });
    expect(server.state).toBe("closed");
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", reason: "RefusedBeforeEstablished", client: { dead: true, bytesAfter: 0 }, server: { dead: true } }]);
  });

  it("that loses the race cuts both ways and says so, with the bytes that passed", () => {
    const world = refused({ delayMs: [0.05, 0.01], lagMs: 2 });
    world.ends[0].toSend = 500;
    world.live(300);
    expect(world.ends.map((end) => end.state)).toEqual(["closed", "closed"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", reason: "CutAfterEstablished", client: { bytesAfter: 500 } }]);
  });

  it("of a SYN that no server answers is Confirmed by the client alone, a second later", () => {
    const world = refused({ delayMs: [0.05, 0.05] });
    world.ends[1].state = "closed";
    world.ends[1].ignoresRst = true;
    world.ends[1].receive = () => [];
    world.live(900);
    expect(world.log.told).toEqual([]);
    world.live(200);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", reason: "RefusedBeforeEstablished", server: { proof: "NeverAnswered" } }]);
  });

  it("is repeated at the retransmitted SYN when the first was lost", () => {
    const world = World.fresh({ delayMs: [0.05, 10], farServer: true });
    let first = true;
    world.onSeen = (_packet, slot) => {
      if (!first) return;
      first = false;
      world.options.loss = 1;
      expect(slot).toBeGreaterThanOrEqual(0);
      world.startKill({ refuse: true });
      world.options.loss = 0;
    };
    world.ends[1].receive = () => [];
    world.send(0, world.ends[0].connect());
    world.live(1_200);
    expect(world.ends[0].state).toBe("closed");
    expect(world.spent(0, "RST|ACK")).toBeGreaterThanOrEqual(2);
  });
});

describe("a FlowReset of a connection that was never established", () => {
  const requested = { mayAsk: true, origin: 3 };

  it("refuses it where the server has not answered yet", () => {
    const world = World.fresh({ delayMs: [0.05, 10], farServer: true });
    world.onSeen = (_packet, slot) => {
      if (slot >= 0 && world.table.state(slot) === FlowState.SynSent && world.log.told.length === 0 && world.injector.active === 0) world.startKill(requested);
    };
    world.send(0, world.ends[0].connect());
    world.live(300);
    expect(world.ends.map((end) => end.state)).toEqual(["closed", "closed"]);
    expect(world.ends[0].resetBy).toMatchObject({ flags: TcpFlag.Rst | TcpFlag.Ack });
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", reason: "RefusedBeforeEstablished", origin: 3 }]);
  });

  it("says so where the server had refused it by itself", () => {
    const world = World.fresh({ delayMs: [0.05, 0.05] });
    world.ends[1].state = "closed";
    world.send(0, world.ends[0].connect());
    world.live(50);
    expect(world.ends[0].state).toBe("closed");
    world.startKill(requested);
    world.live(1_500);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", reason: "RefusedBeforeEstablished" }]);
  });
});

describe("a hold", () => {
  function held(change: { port?: number } = {}): World {
    const world = World.fresh({ delayMs: [0.05, 10], farServer: true });
    const key = new Int32Array(9);
    key.set([0, 0, 0xffff, 0x0af40107 | 0, 0, 0, 0xffff, 0x0af40209 | 0, change.port ?? 443]);
    expect(world.injector.hold(key, world.nowMs + 10_000, 4, world.nowMs)).toBe(true);
    return world;
  }

  it("refuses a new connection of the triple at its SYN", () => {
    const world = held();
    world.send(0, world.ends[0].connect());
    world.live(200);
    expect(world.ends[0].state).toBe("closed");
    expect(world.injector.counters.heldSyns).toBe(1);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed", reason: "RefusedBeforeEstablished", byHold: true, policy: 4 }]);
  });

  it("refuses a second try from the same port, also while the first is being watched", () => {
    const world = held();
    world.send(0, world.ends[0].connect());
    world.live(5);
    expect(world.ends[0].state).toBe("closed");
    world.ends[0] = new LinuxEndpoint("closed", 0x4444);
    world.send(0, world.ends[0].connect());
    world.live(300);
    expect(world.ends[0].state).toBe("closed");
    expect(world.injector.counters.heldSyns).toBe(2);
  });

  it("lets another port of the same server connect", () => {
    const world = held({ port: 444 });
    world.send(0, world.ends[0].connect());
    world.live(200);
    expect(world.ends.map((end) => end.state)).toEqual(["established", "established"]);
    expect(world.forged).toEqual([]);
  });

  it("lets connections in again after its deadline", () => {
    const world = held();
    world.live(10_001);
    world.send(0, world.ends[0].connect());
    world.live(200);
    expect(world.ends[0].state).toBe("established");
  });
});

describe("a connection opened again on the same tuple", () => {
  /** The client's program dies with its connection and connects again from the same port. */
  function reconnect(world: World, isn: number): LinuxEndpoint {
    const again = new LinuxEndpoint("closed", isn);
    world.ends[0] = again;
    world.send(0, again.connect());
    return again;
  }

  it("within the chase lives, whatever is still under way for the old one", () => {
    const world = World.established({ lagMs: 1 });
    const listening = new LinuxEndpoint("listen", 0x2222);
    world.startKill();
    world.run(0.2);
    // The server's host: the old socket while it lives, then the listener.
    const old = world.ends[1];
    expect(old.state).toBe("closed");
    world.ends[1] = listening;
    const again = reconnect(world, add(world.ends[0].isn, 60_000));
    world.live(3_000);
    expect([again.state, listening.state]).toEqual(["established", "established"]);
    expect(world.log.told).toMatchObject([{ outcome: "Confirmed" }]);
    again.toSend = 1_000;
    world.live(100);
    expect(listening.received).toBe(1_000);
    expect(world.log.told.length).toBe(1);
  });

  it("while the server's old socket lives: that one dies, the new connection does not", () => {
    const world = World.established();
    world.options.loss = 1;
    world.startKill();
    world.options.loss = 0;
    const oldServer = world.ends[1];
    const listening = new LinuxEndpoint("listen", 0x2222);
    const receive = oldServer.receive.bind(oldServer);
    oldServer.receive = (segment, nowMs) => (oldServer.state === "closed" ? listening.receive(segment, nowMs) : receive(segment, nowMs));
    const again = reconnect(world, add(world.ends[0].isn, 15_000_000));
    world.live(3_000);
    expect(oldServer.state).toBe("closed");
    expect([again.state, listening.state]).toEqual(["established", "established"]);
    expect(world.log.told[0]!.outcome).toBe("Confirmed");
  });
});
