import { describe, expect, it } from "vitest";
import { PacketDirection } from "../decode/mod.ts";
import type { Packet } from "../decode/mod.ts";
import { Conversation, type Endpoint, ipv4, segment } from "./conversation.fixture.ts";
import { FlowEvent } from "./event.ts";
import { InterfaceKind } from "./taps.ts";

const POD = ipv4(1, 40_000);
const SERVICE = ipv4(50, 80);
const BACKEND = ipv4(2, 8080);
const NODE = ipv4(99, 61_000);

/** Feeds the packet as it shows between the two ends; its slot. */
function show(world: Conversation, source: Endpoint, destination: Endpoint, fields: Partial<Packet>): number {
  return world.feed(segment(source, destination, fields)).slot;
}

const SYN = { flags: 2, sequence: 123_456 };

describe("twins", () => {
  const rows: [name: string, source: Endpoint, destination: Endpoint, other: Partial<Packet>, linked: boolean][] = [
    ["a translated destination", POD, BACKEND, SYN, true],
    ["a translated source", NODE, SERVICE, SYN, true],
    ["both translated, and a timestamp", NODE, BACKEND, { ...SYN, timestampPresent: true, timestampValue: 7 }, true],
    ["both translated, without a timestamp", NODE, BACKEND, SYN, false],
    ["another initial sequence number", POD, BACKEND, { ...SYN, sequence: 123_457 }, false],
  ];
  for (const [name, source, destination, fields, linked] of rows) {
    it(`${linked ? "are" : "are not"} linked by ${name}`, () => {
      const world = new Conversation();
      const first = show(world, POD, SERVICE, { ...fields, ...SYN });
      const second = show(world, source, destination, fields);
      expect([world.table.twin(first), world.table.twin(second)]).toEqual(linked ? [second, first] : [-1, -1]);
    });
  }

  it("are not linked when the second comes too late", () => {
    const world = new Conversation();
    const first = show(world, POD, SERVICE, SYN);
    world.nowMs += 5000;
    show(world, POD, BACKEND, SYN);
    expect(world.table.twin(first)).toBe(-1);
  });

  it("are linked in the middle by a packet with data", () => {
    const world = new Conversation();
    const data = { sequence: 5, acknowledgement: 9, bytes: new Uint8Array(3), payloadLength: 3 };
    const first = show(world, POD, SERVICE, data);
    const second = show(world, POD, BACKEND, data);
    expect([world.table.twin(first), world.table.twin(second)]).toEqual([second, first]);
  });

  it("are linked in the middle by a bare ACK with a timestamp, whatever was translated", () => {
    const world = new Conversation();
    const answer = { sequence: 5, acknowledgement: 9, timestampPresent: true, timestampValue: 7 };
    const first = show(world, BACKEND, NODE, answer);
    const second = show(world, SERVICE, POD, answer);
    expect([world.table.twin(first), world.table.twin(second)]).toEqual([second, first]);
  });

  it("are not linked by bare ACKs whose timestamps differ", () => {
    const world = new Conversation();
    const first = show(world, BACKEND, POD, { sequence: 5, acknowledgement: 9, timestampPresent: true, timestampValue: 7 });
    show(world, SERVICE, POD, { sequence: 5, acknowledgement: 9, timestampPresent: true, timestampValue: 8 });
    expect(world.table.twin(first)).toBe(-1);
  });

  it("are linked by the SYN-ACK where the second SYN was a copy that does not count", () => {
    // A pod (interface 1) calls a service whose backend (interface 2) is on the same node, and no source is translated.
    const homes = { homeOf: (_0: number, _1: number, _2: number, address: number) => (address === POD.words[3] ? 1 : address === BACKEND.words[3] ? 2 : 0), kindOf: () => InterfaceKind.Pod };
    const world = new Conversation({ homes });
    const first = show(world, POD, SERVICE, { ...SYN, interfaceIndex: 1 });
    expect(show(world, POD, BACKEND, { ...SYN, interfaceIndex: 2, direction: PacketDirection.Outgoing })).toBe(-1);
    const second = show(world, BACKEND, POD, { flags: 18, sequence: 777, acknowledgement: SYN.sequence + 1, interfaceIndex: 2 });
    expect([world.table.twin(first), world.table.twin(second)]).toEqual([second, first]);
  });

  it("are linked by the SYN-ACK where the client's port had another connection before", () => {
    const world = new Conversation();
    const first = show(world, POD, SERVICE, SYN);
    show(world, SERVICE, POD, { flags: 18, sequence: 777, acknowledgement: SYN.sequence + 1 });
    const again = { flags: 2, sequence: 9_000_000 };
    expect(show(world, POD, SERVICE, again)).toBe(first);
    const answer = { flags: 18, sequence: 888, acknowledgement: again.sequence + 1 };
    const second = show(world, BACKEND, POD, answer);
    show(world, SERVICE, POD, answer);
    expect([world.table.twin(first), world.table.twin(second)]).toEqual([second, first]);
    expect(world.event & FlowEvent.TwinMet).toBe(FlowEvent.TwinMet);
  });

  it("say that they met with the packet that showed it, and not again", () => {
    const world = new Conversation();
    show(world, POD, SERVICE, SYN);
    expect(world.event & FlowEvent.TwinMet).toBe(0);
    show(world, POD, BACKEND, SYN);
    expect(world.event & FlowEvent.TwinMet).toBe(FlowEvent.TwinMet);
    show(world, POD, BACKEND, SYN);
    show(world, BACKEND, POD, { flags: 18, sequence: 777, acknowledgement: SYN.sequence + 1 });
    expect(world.event & FlowEvent.TwinMet).toBe(0);
  });

  it("are not linked by a SYN-ACK that answers another SYN", () => {
    const world = new Conversation();
    const first = show(world, POD, SERVICE, SYN);
    show(world, BACKEND, POD, { flags: 18, sequence: 777, acknowledgement: SYN.sequence + 2 });
    expect(world.table.twin(first)).toBe(-1);
  });

  it("are not linked in the middle by a bare ACK without one", () => {
    const world = new Conversation();
    const first = show(world, POD, SERVICE, { sequence: 5, acknowledgement: 9 });
    show(world, POD, BACKEND, { sequence: 5, acknowledgement: 9 });
    expect(world.table.twin(first)).toBe(-1);
  });

  it("are not linked through a slot that another connection has now", () => {
    const world = new Conversation();
    const first = show(world, POD, SERVICE, SYN);
    world.tracker.expire(world.nowMs + 60_000, 1);
    expect(show(world, POD, ipv4(51, 80), { flags: 2, sequence: 999 })).toBe(first);
    show(world, POD, BACKEND, SYN);
    expect(world.table.twin(first)).toBe(-1);
  });

  it("let go of each other when one goes", () => {
    const world = new Conversation();
    const first = show(world, POD, SERVICE, SYN);
    show(world, POD, BACKEND, SYN);
    world.nowMs += 20_000;
    show(world, BACKEND, POD, { flags: 18, sequence: 777, acknowledgement: SYN.sequence + 1 });
    world.tracker.expire(world.nowMs + 15_000, 10);
    expect(world.table.size).toBe(1);
    world.table.forEach((slot) => {
      expect(slot).not.toBe(first);
      expect(world.table.twin(slot)).toBe(-1);
    });
  });
});
