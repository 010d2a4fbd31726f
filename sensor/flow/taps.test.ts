import { describe, expect, it } from "vitest";
import { PacketDirection } from "../decode/mod.ts";
import { Conversation } from "./conversation.fixture.ts";
import { SideField, TapInfo } from "./record.ts";
import { type Homes, InterfaceKind } from "./taps.ts";

/** Interfaces: 1 the client pod's, 2 the server pod's, 3 another pod's, 5 a bridge, 9 the uplink. */
const kinds: Record<number, number> = {
  1: InterfaceKind.Pod,
  2: InterfaceKind.Pod,
  3: InterfaceKind.Pod,
  5: InterfaceKind.Bridge,
  9: InterfaceKind.Uplink,
};

/** Addresses 10.0.0.1 (client) and 10.0.0.2 (server) live where the arguments say; 0 for elsewhere. */
function homes(client: number, server: number): Homes {
  return {
    homeOf: (_0, _1, _2, address) => (address === 0x0a000001 ? client : address === 0x0a000002 ? server : 0),
    kindOf: (interfaceIndex) => kinds[interfaceIndex] ?? InterfaceKind.Unknown,
  };
}

const bothLocal = (): Conversation => new Conversation({ homes: homes(1, 2) });
const clientLocal = (): Conversation => new Conversation({ homes: homes(1, 0) });

describe("copies of one packet", () => {
  it("count once between two pods of the node, each side at its own interface", () => {
    const world = bothLocal().play(
      "> S 0 0 _ if=1",
      "> S 0 0 _ if=5",
      "> S 0 0 _ if=2 out",
      "< SA 0 1 _ if=2",
      "< SA 0 1 _ if=5",
      "< SA 0 1 _ if=1 out",
      "> A 1 1 ab if=1",
    );
    expect(world.play("> A 1 1 ab if=2 out").eventNames).toEqual(["Copy"]);
    expect([world.table.tap(world.slot, 0), world.table.tap(world.slot, 1)]).toEqual([1, 2]);
    expect([world.table.packets(world.slot, 0), world.table.packets(world.slot, 1)]).toEqual([2, 1]);
    expect(world.stream[0]).toBe("ab");
  });

  it("count at the pod's interface for the far side too, once they show there", () => {
    const world = clientLocal().play("> S 0 0 _ if=1", "> S 0 0 _ if=9 out", "< SA 0 1 _ if=9");
    expect(world.table.tap(world.slot, 1)).toBe(9);
    world.play("< SA 0 1 _ if=1 out", "> A 1 1 _ if=1");
    expect(world.table.tap(world.slot, 1)).toBe(1);
    expect(world.play("< A 1 1 hi if=9").eventNames).toEqual(["Copy"]);
    expect(world.play("< A 1 1 hi if=1 out").stream[1]).toBe("hi");
  });

  it("stay at the uplink where the pod's interface does not show them (redirect_peer)", () => {
    const world = clientLocal().play("> S 0 0 _ if=1", "< SA 0 1 _ if=9", "> A 1 1 _ if=1");
    for (let i = 0; i < 20; i++) world.play(`< A ${1 + i} 1 x if=9`);
    expect([world.stream[1], world.table.tap(world.slot, 1)]).toEqual(["x".repeat(20), 9]);
    expect(world.flagNames).not.toContain("Gap1");
  });

  it("make no flow where the sender's own interface is elsewhere", () => {
    expect(clientLocal().play("> S 0 0 _ if=5").slot).toBe(-1);
    expect(clientLocal().play("> S 0 0 _ if=9 out").slot).toBe(-1);
  });

  it("count at the first interface where no homes are known", () => {
    const world = new Conversation().play("> S 0 0 _ if=4", "> S 0 0 _ if=7", "< SA 0 1 _ if=7", "< SA 0 1 _ if=4 out");
    expect([world.table.tap(world.slot, 0), world.table.tap(world.slot, 1)]).toEqual([4, 7]);
    expect(world.eventNames).toEqual(["Copy"]);
  });

  it("move the tap when it has gone silent and another interface goes on", () => {
    const world = new Conversation().play("> S 0 0 _ if=4", "< SA 0 1 _ if=4 out", "> A 1 1 _ if=4");
    for (let i = 0; i < 7; i++) world.play(`> A ${1 + i} 1 x if=7 out`);
    expect([world.table.tap(world.slot, 0), world.next(0)]).toEqual([4, 1]);
    world.play("> A 8 1 x if=7 out", "< A 1 9 _ if=4 out");
    expect([world.table.tap(world.slot, 0), world.next(0), world.tracker.taps.moved]).toEqual([7, 9, 1]);
    expect(world.flagNames).not.toContain("Contested");
  });

  it("do not move the tap as long as it speaks", () => {
    const world = new Conversation().play("> S 0 0 _ if=4", "< SA 0 1 _ if=4 out", "> A 1 1 _ if=4");
    for (let i = 0; i < 30; i++) world.play(`> A ${1 + i} 1 x if=7 out`, `> A ${1 + i} 1 x if=4`);
    expect([world.table.tap(world.slot, 0), world.next(0)]).toEqual([4, 31]);
  });

  it("going the other way at the tap's own interface do not count", () => {
    const world = new Conversation().handshake();
    expect(world.play("> A 1 1 x out").eventNames).toEqual(["Copy"]);
  });

  it("keep their taps when another connection takes the tuple", () => {
    const world = bothLocal().play("> S 0 0 _ if=1", "< SA 0 1 _ if=2", "> A 1 1 _ if=1", "> S 90000000 0 _ if=1");
    world.play("< SA 90000000 90000001 _ if=2");
    expect(world.eventNames).toContain("NewConnection");
    expect([world.table.tap(world.slot, 0), world.table.tap(world.slot, 1)]).toEqual([1, 2]);
  });
});

describe("a forged sender", () => {
  const rows: [name: string, line: string, event: string][] = [
    ["a neighbour pod that forges the client", "> A 1 1 evil if=3", "Spoofed"],
    ["a neighbour pod that forges a RST", "> R 1 0 _ if=3", "Spoofed"],
    ["a neighbour pod that forges the server", "< A 1 1 evil if=3", "Spoofed"],
    ["the client pod itself that forges the server", "< A 1 1 evil if=1", "Spoofed"],
    ["the uplink with the client's address", "> A 1 1 evil if=9", "Spoofed"],
    ["a forged packet on its way out by the bridge", "> A 1 1 evil if=5 out", "Copy"],
    ["a forged packet on its way to the client", "> A 1 1 evil if=1 out", "Copy"],
  ];
  for (const [name, line, event] of rows) {
    it(`changes nothing: ${name}`, () => {
      const world = bothLocal().play("> S 0 0 _ if=1", "< SA 0 1 _ if=2", "> A 1 1 _ if=1");
      for (let i = 0; i < 20; i++) world.play(line);
      expect([world.eventNames, world.next(0), world.next(1), world.stream, world.state]).toEqual([
        [event],
        1,
        1,
        ["", ""],
        "Established",
      ]);
      expect(world.flagNames).not.toContain("Contested");
      expect(world.play("> A 1 1 true if=1").stream[0]).toBe("true");
    });
  }

  it("makes no flow", () => {
    const world = bothLocal().play("> S 0 0 _ if=3");
    expect([world.slot, world.eventNames, world.table.size]).toEqual([-1, ["Spoofed"], 0]);
  });

  it("of the far side, by the client's own interface, is found out", () => {
    const world = clientLocal().play("> S 0 0 _ if=1", "< SA 0 1 _ if=1 out", "> A 1 1 _ if=1");
    expect(world.play("< A 1 1 evil if=1").eventNames).toEqual(["Spoofed"]);
  });

  it("contests the side where two interfaces bring it in and nothing tells whose it is", () => {
    const world = new Conversation().play("> S 0 0 _ if=4", "< SA 0 1 _ if=4 out", "> A 1 1 _ if=4");
    for (let i = 0; i < 9; i++) world.play(`> A ${500_000_000 + i} 1 x if=7`);
    expect(world.flagNames).toContain("Contested");
  });
});

describe("the tap's record", () => {
  const frame = Uint8Array.from([1, 2, 3, 4, 5, 6, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 8, 0]);

  it("has the MACs, the VLAN and the direction", () => {
    const world = new Conversation();
    const packet = world.parse("> S 0 0 _ if=4 out");
    Object.assign(packet, { bytes: frame, ethernetOffset: 0, vlanTci: 0x2064, vlanTpid: 0x88a8, innerVlanTci: 5 });
    world.feed(packet);
    const macs = [0, 1, 2].map((word) => world.table.side(world.slot, 0, SideField.Macs + word) >>> 0);
    expect(macs).toEqual([0x01020304, 0x0506a1a2, 0xa3a4a5a6]);
    const info = world.table.side(world.slot, 0, SideField.TapInfo);
    expect(info & TapInfo.VlanMask).toBe(0x2064);
    expect((info & TapInfo.DirectionMask) >> TapInfo.DirectionShift).toBe(PacketDirection.Outgoing);
    expect(info & (TapInfo.ServiceTag | TapInfo.InnerTag | TapInfo.NoLinkHeader | TapInfo.Tunnel)).toBe(
      TapInfo.ServiceTag | TapInfo.InnerTag,
    );
  });

  it("says where there is no link header, and no VLAN", () => {
    const world = new Conversation().play("> S 0 0");
    const info = world.table.side(world.slot, 0, SideField.TapInfo);
    expect([info & TapInfo.NoLinkHeader, info & TapInfo.VlanMask]).toEqual([TapInfo.NoLinkHeader, TapInfo.NoVlan]);
  });

  it("follows a MAC that changes, within a second", () => {
    const world = new Conversation().handshake();
    world.nowMs += 1000;
    const packet = world.parse("> A 1 1 x");
    world.feed(Object.assign(packet, { bytes: Uint8Array.from([...frame, 0x78]), ethernetOffset: 0, payloadOffset: 14 }));
    expect(world.table.side(world.slot, 0, SideField.Macs)).toBe(0x01020304);
  });
});
