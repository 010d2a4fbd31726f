/** decodePlain() is a shortcut: what it says must be what the walk says, and what it leaves the walk must take. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeContext } from "./context.ts";
import { decodeAny } from "./decode.ts";
import { frameOf, segment } from "./frame.fixture.ts";
import { ChecksumState, type Frame, Packet, TcpFlag } from "./packet.ts";
import { decodePlain } from "./plain.ts";
import { DecodeReason } from "./reason.ts";
import { TcpOptionWriter } from "./tcpOptions.ts";

const timestamps = new TcpOptionWriter().noOperation().noOperation().timestamps(1, 2).finished();
const syn = new TcpOptionWriter().mss(1400).sackPermitted().timestamps(1, 0).windowScale(7).finished();
const starts = [
  segment(),
  segment({ options: timestamps }),
  segment({ options: syn, flags: TcpFlag.Syn, payload: new Uint8Array(0) }),
  segment({ payload: new Uint8Array(1600) }),
  segment({ ipVersion: 6 }),
  segment({ ipVersion: 6, options: timestamps, flowLabel: 0x12345, typeOfService: 0xb8 }),
  segment({ ipVersion: 6, source0: 0, source1: 0, source2: 0xffff, source3: 5 }),
];

/** All of a packet but its bytes; what only means something beside another field is left out where that field says no. */
function fields(packet: Packet): Record<string, unknown> {
  const { bytes: _bytes, timestampValue, timestampEcho, sackRightEdge, mptcpToken, ...rest } = packet;
  const times = packet.timestampPresent ? { timestampValue, timestampEcho } : {};
  const sack = packet.sackCount > 0 ? { sackRightEdge } : {};
  return { ...rest, ...times, ...sack, ...(packet.mptcpSubtype === -1 ? {} : { mptcpToken }) };
}

const byteChange = fc.tuple(fc.nat(80), fc.nat(0xff));
const frames = fc
  .record({
    start: fc.constantFrom(...starts),
    changes: fc.array(byteChange, { maxLength: 3 }),
    cut: fc.oneof(fc.constant(0), fc.nat(70)),
    padding: fc.nat(8),
    checksum: fc.constantFrom(...Object.values(ChecksumState)),
    vlanTci: fc.constantFrom(-1, 5),
    linkType: fc.constantFrom(1, 1, 1, 101),
    wire: fc.constantFrom(-1, 0, 1),
    before: fc.nat(3),
  })
  .map((row): Frame => {
    const length = Math.max(row.start.length + row.padding - row.cut, 0);
    const bytes = new Uint8Array(row.before + length);
    bytes.set(row.start.subarray(0, length), row.before);
    for (const [offset, value] of row.changes) if (offset < length) bytes[row.before + offset] = value;
    return frameOf(bytes, {
      offset: row.before,
      capturedLength: length,
      wireLength: length + row.wire,
      checksum: row.checksum,
      vlanTci: row.vlanTci,
      vlanTpid: row.vlanTci === -1 ? 0 : 0x8100,
      linkType: row.linkType,
      timestampMs: 1.5,
      interfaceIndex: 4,
      direction: 4,
    });
  });

describe("decodePlain()", () => {
  test.each(["verify", "verify-filled", "trust"] as const)("agrees with the walk (%s)", (checksum) => {
    let plain = 0;
    // The packet before must not shine through, whichever way it was decoded.
    const packet = new Packet();
    const context = new DecodeContext({ checksum });
    fc.assert(
      fc.property(frames, (frame) => {
        if (!decodePlain(frame, packet, context)) return;
        plain++;
        const twin = new Packet();
        expect(decodeAny(frame, twin, context)).toBe(DecodeReason.Ok);
        expect(fields(packet)).toEqual(fields(twin));
      }),
      { numRuns: 600, seed: 7 },
    );
    expect(plain).toBeGreaterThan(60);
  });

  test("takes the common packets", () => {
    for (const bytes of starts.slice(0, -1)) expect(decodePlain(frameOf(bytes), new Packet(), new DecodeContext())).toBe(true);
  });

  test("comes after an IPv6 packet without its addresses", () => {
    const packet = new Packet();
    const context = new DecodeContext();
    expect(decodeAny(frameOf(segment({ ipVersion: 6 })), packet, context)).toBe(DecodeReason.Ok);
    expect(decodePlain(frameOf(starts[0]!), packet, context)).toBe(true);
    expect(packet).toMatchObject({ source0: 0, source1: 0, source2: 0xffff, destination0: 0, destination2: 0xffff });
  });
});
