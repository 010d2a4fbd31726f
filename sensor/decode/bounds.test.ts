/** The invariant of the room: no exception, no byte read outside the frame, whatever the bytes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeContext } from "./context.ts";
import { buildFragment } from "./datagram.ts";
import { decode, decodeAny } from "./decode.ts";
import { concat, frameOf, hex, ipPacket, segment, segmentSpec } from "./frame.fixture.ts";
import { LinkType, Packet } from "./packet.ts";

/** Bytes that note a read outside [first, end). */
function guarded(bytes: Uint8Array, first: number, end: number, outside: number[]): Uint8Array {
  return new Proxy(bytes, {
    get(target, key) {
      const index = typeof key === "string" ? Number(key) : Number.NaN;
      if (Number.isInteger(index) && (index < first || index >= end)) outside.push(index);
      const value: unknown = Reflect.get(target, key, target);
      return value;
    },
  });
}

const seeds = [
  segment(),
  segment({ ipVersion: 6 }),
  segment({ options: hex("0101050a0000000100000002") }),
  segment({ ipOptions: hex("94040000") }),
  segment({ vlanTci: 1, innerVlanTci: 2 }),
  ipPacket(47, concat(hex("30000800 00000001 00000002"), segment().slice(14))),
  ipPacket(17, concat(hex("1388 12b5 0000 0000 0800000000002a00"), segment())),
  ipPacket(51, concat(hex("3c040000 00000001 00000001 000000000000000000000000 0600010400000000"), segment().slice(34)), { ipVersion: 6 }),
  buildFragment(segmentSpec(), 6, segment().slice(34), 0, 16, true, 7),
  buildFragment(segmentSpec(), 6, segment().slice(34), 16, 25, false, 7),
];

const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(130), fc.nat(255)), { maxLength: 6 }), fc.nat(60))
    .map(([seed, changes, cut]) => {
      const bytes = seed.slice(0, Math.max(seed.length - cut, 0));
      for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
      return bytes;
    }),
);

describe("decode() of anything", () => {
  test("reads no byte outside the frame and leaves the payload inside it", () => {
    const context = new DecodeContext({ checksum: "trust" });
    const packet = new Packet();
    const linkTypes = fc.constantFrom(1, 1, 1, 1, ...Object.values(LinkType), 99);
    fc.assert(
      fc.property(hostile, fc.nat(9), fc.nat(9), linkTypes, fc.oneof(fc.constant(0), fc.nat(200)), (bytes, before, behind, linkType, more) => {
        const outside: number[] = [];
        const all = concat(new Uint8Array(before).fill(0x45), bytes, new Uint8Array(behind).fill(0x45));
        const end = before + bytes.length;
        const frame = frameOf(guarded(all, before, end, outside), {
          offset: before,
          capturedLength: bytes.length,
          wireLength: bytes.length + more,
          linkType,
        });
        for (const decodeOne of [decode, decodeAny]) {
          const reason = decodeOne(frame, packet, context);
          expect(outside).toEqual([]);
          if (reason !== 0 || packet.reassembled) continue;
          expect(packet.payloadOffset).toBeGreaterThanOrEqual(before);
          expect(packet.payloadLength).toBeGreaterThanOrEqual(0);
          expect(packet.truncatedBytes).toBeGreaterThanOrEqual(0);
          expect(packet.payloadOffset + packet.payloadLength).toBeLessThanOrEqual(end);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("clamps a captured length that lies", () => {
    const outside: number[] = [];
    const bytes = segment();
    const frame = frameOf(guarded(bytes, 0, bytes.length, outside), { capturedLength: 9999, wireLength: 9999 });
    decode(frame, new Packet(), new DecodeContext());
    expect(outside).toEqual([]);
  });
});
