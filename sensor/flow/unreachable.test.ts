import { describe, expect, it } from "vitest";
import { PacketDirection, Protocol } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { Conversation, ipv4, segment } from "./conversation.fixture.ts";
import { FlowRefusal } from "./event.ts";
import { type Homes, InterfaceKind } from "./taps.ts";

const SYN = "> S 0 0 _ ws=7";
const SYN_ACK = "< SA 0 1 _ ws=7";

/** Decode turns an ICMP error about the client's segment into an answer of the server's. */
function refuse(world: Conversation, change: Partial<Packet> = {}): Conversation {
  const packet = segment(world.server, world.client, { protocol: Protocol.Icmp, flags: 0, acknowledgement: world.clientIsn, timestampMs: world.nowMs + 5, ...change });
  world.tracker.onUnreachable(packet);
  world.event = world.tracker.event;
  return world;
}

/** The client is the pod behind interface 1; 9 is the uplink. */
const homes: Homes = {
  homeOf: (_0, _1, _2, address) => (address === 0x0a000001 ? 1 : 0),
  kindOf: (index) => (index === 9 ? InterfaceKind.Uplink : InterfaceKind.Pod),
};

describe("an ICMP error about a SYN", () => {
  it("ends the connection that the SYN was to open", () => {
    const world = refuse(new Conversation().play(SYN));
    expect([world.state, world.eventNames]).toEqual(["Closed", ["Closed"]]);
  });

  it.each<[string, (world: Conversation) => Conversation, string]>([
    ["of another sequence number", (world) => refuse(world.play(SYN), { acknowledgement: world.clientIsn + 1 }), "SynSent"],
    ["of another port", (world) => refuse(world.play(SYN), { destinationPort: 40_001 }), "SynSent"],
    ["that goes the wrong way", (world) => {
      const { client, server } = world.play(SYN);
      world.tracker.onUnreachable(segment(client, server, { protocol: Protocol.Icmp, acknowledgement: world.clientIsn }));
      return world;
    }, "SynSent"],
    ["that was answered meanwhile", (world) => refuse(world.play(SYN, SYN_ACK)), "SynReceived"],
    ["of a connection that is open", (world) => refuse(world.handshake()), "Established"],
  ])("changes nothing where it is %s", (_name, play, state) => {
    const world = play(new Conversation());
    expect(world.state).toBe(state);
    expect(world.tracker.refused[FlowRefusal.Unreachable]).toBe(1);
  });

  it("makes no flow", () => {
    const world = refuse(new Conversation());
    expect([world.table.size, world.tracker.refused[FlowRefusal.Unreachable]]).toEqual([0, 1]);
  });

  it.each<[string, Partial<Packet>, string]>([
    ["on its way to the pod", { interfaceIndex: 1, direction: PacketDirection.Outgoing }, "Closed"],
    ["that the pod sends", { interfaceIndex: 1 }, "SynSent"],
    ["that another pod sends", { interfaceIndex: 2 }, "SynSent"],
    ["on its way to another pod", { interfaceIndex: 2, direction: PacketDirection.Outgoing }, "SynSent"],
    ["at the uplink, which the pod may never get", { interfaceIndex: 9 }, "SynSent"],
  ])("to a pod counts at the pod's own interface: %s", (_name, change, state) => {
    const world = new Conversation({ homes, server: ipv4(200, 80) }).play(`${SYN} if=1`);
    expect(refuse(world, change).state).toBe(state);
  });

  it("is forgotten where the client sends its SYN again", () => {
    const world = refuse(new Conversation().play(SYN)).play(SYN);
    expect(world.state).toBe("SynSent");
    expect(world.play(SYN_ACK, "> A 1 1", "> A 1 1 ab").state).toBe("Established");
    expect([world.stream[0], world.table.size]).toEqual(["ab", 1]);
  });

  it("does not hide the answer that comes all the same", () => {
    const world = refuse(new Conversation().play(SYN)).play(SYN_ACK, "> A 1 1", "> A 1 1 ab");
    expect([world.state, world.stream[0]]).toEqual(["Established", "ab"]);
  });

  it("does not bring a connection back that a RST has ended, when its SYN comes late once more", () => {
    expect(new Conversation().play(SYN, "< RA 0 1", SYN).state).toBe("Closed");
    expect(new Conversation().handshake().play("> R 1 1", SYN).state).toBe("Closed");
  });
});
