import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Packet, TcpFlag } from "../decode/mod.ts";
import { halfSipHash } from "./halfSipHash.ts";
import { Mark, flowLabelOf, identificationOf, windowOf } from "./mark.ts";

const mark = new Mark([0x1234, 0x5678]);

function marked(change: Partial<Packet> = {}, by = mark): Packet {
  const packet = Object.assign(new Packet(), { ipVersion: 4, sequence: 77, acknowledgement: 0, flags: TcpFlag.Rst, transportOffset: 34, payloadOffset: 54, ...change });
  const word = by.of(packet.sequence, packet.acknowledgement, packet.flags);
  return Object.assign(packet, { window: windowOf(word), ipId: identificationOf(word), flowLabel: flowLabelOf(word) });
}

describe("halfSipHash()", () => {
  it("gives the value of the kernel's own test (lib/tests/siphash_kunit.c) for the 16 bytes 0 to 15 under the key 0 to 7", () => {
    expect(halfSipHash(0x03020100, 0x07060504, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c) >>> 0).toBe(0x8b31d501);
  });
});

describe("Mark", () => {
  for (const [flags, kind] of [[TcpFlag.Rst, "RST"], [TcpFlag.Rst | TcpFlag.Ack, "RST|ACK"], [TcpFlag.Ack, "probe"], [TcpFlag.Syn, "SYN"]] as const) {
    it(`isOwn() knows our ${kind} over IPv4 and IPv6, whatever NAT did to addresses and ports`, () => {
      expect(mark.isOwn(marked({ flags, acknowledgement: 5, source3: 1, destinationPort: 9 }))).toBe(true);
      expect(mark.isOwn(marked({ flags, acknowledgement: 5, ipVersion: 6 }))).toBe(true);
    });
  }

  const near: readonly (readonly [string, (packet: Packet) => Partial<Packet>])[] = [
    ["another window", (packet) => ({ window: packet.window ^ 1 })],
    ["another identification", (packet) => ({ ipId: packet.ipId ^ 1 })],
    ["another sequence number", () => ({ sequence: 78 })],
    ["another ACK number", () => ({ acknowledgement: 1 })],
    ["other flags", () => ({ flags: TcpFlag.Rst | TcpFlag.Psh })],
    ["a payload", () => ({ payloadLength: 1 })],
    ["an ACK and two bytes", () => ({ ...marked({ flags: TcpFlag.Ack }), payloadLength: 2 })],
    ["TCP options", () => ({ payloadOffset: 66 })],
  ];
  for (const [what, change] of near) {
    it(`isOwn() does not take a packet with ${what} for ours`, () => {
      const packet = marked();
      expect(mark.isOwn(Object.assign(packet, change(packet)))).toBe(false);
    });
  }

  it("isOwn() does not know marks of another key", () => {
    expect(mark.isOwn(marked({}, new Mark([0x1234, 0x5679])))).toBe(false);
    expect(mark.isOwn(marked({}, new Mark([0x1235, 0x5678])))).toBe(false);
  });

  it("isOwn() takes no random packet for ours in a million", () => {
    let taken = 0;
    let state = 1;
    const random = (): number => (state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0);
    const packet = marked();
    for (let run = 0; run < 1_000_000; run++) {
      packet.sequence = random();
      packet.window = random() >>> 16;
      packet.ipId = random() >>> 16;
      if (mark.isOwn(packet)) taken++;
    }
    expect(taken).toBe(0);
  });

  it("never asks the kernel to choose the identification", () => {
    fc.assert(fc.property(fc.integer(), (word) => {
      expect(identificationOf(word)).toBeGreaterThan(0);
      expect(identificationOf(word)).toBeLessThan(0x10000);
      expect(flowLabelOf(word)).toBeGreaterThan(0);
      expect(flowLabelOf(word)).toBeLessThan(0x100000);
    }));
    expect(identificationOf(0xffff)).toBe(1);
  });
});
