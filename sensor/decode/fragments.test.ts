import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeContext } from "./context.ts";
import { buildFragment } from "./datagram.ts";
import { decode } from "./decode.ts";
import { between, frameOf, segment, segmentSpec } from "./frame.fixture.ts";
import { FRAGMENT_BYTES } from "./fragmentArena.ts";
import { IPV4_TIMEOUT_MS, IPV6_TIMEOUT_MS } from "./fragments.ts";
import { MAX_DATAGRAMS } from "./fragmentTable.ts";
import { networkLength } from "./networkSpec.ts";
import { type Frame, Packet, Protocol } from "./packet.ts";
import { DecodeReason, decodeReasonName } from "./reason.ts";
import type { SegmentSpec } from "./segment.ts";

const packet = new Packet();

/** The IP payload of a UDP datagram to port 9 without a checksum over IPv4: any bytes will do behind its header. */
function body(length: number, fill = 0): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + fill) & 0xff);
  bytes.set([0, 1, 0, 9, length >> 8, length & 255, 0, 0]);
  return bytes;
}

interface Piece {
  first: number;
  end: number;
  more: boolean;
}

function piece(source: Uint8Array, { first, end, more }: Piece, overrides: Partial<SegmentSpec> = {}, id = 1): Uint8Array {
  return buildFragment(segmentSpec(overrides), Protocol.Udp, source, first, end, more, id);
}

function insert(bytes: Uint8Array, context: DecodeContext, overrides: Partial<Frame> = {}): string {
  return decodeReasonName(decode(frameOf(bytes, overrides), packet, context));
}

describe("fragments", () => {
  const source = body(48);
  const other = body(48, 99);
  /** Each row: what decode() says to one fragment after another; `!` in front takes the bytes of another datagram. */
  const rows: readonly [string, readonly [string, string][]][] = [
    ["in order", [["0-16+", "FragmentHeld"], ["16-32+", "FragmentHeld"], ["32-48", "Ok"]]],
    ["in reverse", [["32-48", "FragmentHeld"], ["16-32+", "FragmentHeld"], ["0-16+", "Ok"]]],
    ["an exact duplicate is ignored, the old bytes stay", [["0-16+", "FragmentHeld"], ["!0-16+", "FragmentDuplicate"], ["16-48", "Ok"]]],
    ["a part of a run is a duplicate", [["0-16+", "FragmentHeld"], ["16-32+", "FragmentHeld"], ["!8-24+", "FragmentDuplicate"], ["32-48", "Ok"]]],
    ["neighbours that came in reverse are two runs", [["16-32+", "FragmentHeld"], ["0-16+", "FragmentHeld"], ["!8-24+", "FragmentOverlap"]]],
    ["an overlap drops what was there", [["0-16+", "FragmentHeld"], ["!8-24+", "FragmentOverlap"], ["16-48", "FragmentHeld"], ["0-16+", "Ok"]]],
    ["a cover drops what was there", [["8-16+", "FragmentHeld"], ["!0-24+", "FragmentOverlap"]]],
    ["an overlap with the tail", [["0-24+", "FragmentHeld"], ["!16-48", "FragmentOverlap"]]],
    ["two ends", [["40-48", "FragmentHeld"], ["32-40", "FragmentEndConflict"]]],
    ["bytes behind the end", [["16-24", "FragmentHeld"], ["24-32+", "FragmentEndConflict"]]],
    ["an end before bytes that are there", [["24-32+", "FragmentHeld"], ["8-16", "FragmentEndConflict"]]],
    ["the end twice", [["40-48", "FragmentHeld"], ["40-48", "FragmentDuplicate"], ["0-40+", "Ok"]]],
    ["an empty one drops what was there", [["0-16+", "FragmentHeld"], ["16-16+", "BadFragmentLength"], ["16-48", "FragmentHeld"]]],
  ];
  test.each(rows)("%s", (_name, steps) => {
    for (const ipVersion of [4, 6]) {
      const context = new DecodeContext({ checksum: "trust" });
      for (const [step, expected] of steps) {
        const [, bad, first, end, more] = /^(!?)(\d+)-(\d+)(\+?)$/.exec(step)!;
        const at = { first: Number(first), end: Number(end), more: more === "+" };
        expect(insert(piece(bad === "!" ? other : source, at, { ipVersion }), context), step).toBe(expected);
      }
      if (steps.at(-1)![1] !== "Ok") continue;
      expect(packet).toMatchObject({ reassembled: true, destinationPort: 9, payloadLength: 40, ethernetOffset: 0 });
      expect(packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + 40)).toEqual(source.slice(8));
      expect(context.fragments.table.count).toBe(0);
      expect(context.fragments.heldBytes).toBe(0);
    }
  });

  const keys: readonly [string, Partial<SegmentSpec>, Partial<Frame>, number][] = [
    ["another identification", {}, {}, 2],
    ["another source", { source3: 0x0a000009 }, {}, 1],
    ["another destination", { destination3: 0x0a000009 }, {}, 1],
    ["another interface", {}, { interfaceIndex: 8 }, 1],
    ["another direction", {}, { direction: 4 }, 1],
    ["another VLAN", { vlanTci: 5 }, {}, 1],
  ];
  test.each(keys)("%s is another datagram", (_name, spec, frame, id) => {
    const context = new DecodeContext();
    expect(insert(piece(source, { first: 0, end: 16, more: true }), context)).toBe("FragmentHeld");
    expect(insert(piece(source, { first: 16, end: 48, more: false }, spec, id), context, frame)).toBe("FragmentHeld");
    expect(insert(piece(source, { first: 16, end: 48, more: false }), context)).toBe("Ok");
  });

  test("another protocol is another datagram in IPv4, not in IPv6", () => {
    for (const ipVersion of [4, 6]) {
      const context = new DecodeContext({ checksum: "trust" });
      const spec = segmentSpec({ ipVersion });
      insert(buildFragment(spec, Protocol.Udp, source, 0, 16, true, 1), context);
      const last = insert(buildFragment(spec, Protocol.Tcp, source, 16, 48, false, 1), context);
      expect(last).toBe(ipVersion === 4 ? "FragmentHeld" : "Ok");
    }
  });

  test("the header is that of the first fragment, congestion marks of any", () => {
    const context = new DecodeContext();
    insert(piece(source, { first: 16, end: 48, more: false }, { ttl: 9, typeOfService: 0x03 }), context);
    insert(piece(source, { first: 0, end: 16, more: true }, { ttl: 77, typeOfService: 0xba }), context);
    expect(packet).toMatchObject({ ttl: 77, typeOfService: 0xbb, ipId: 1, reassembled: true });
  });

  test("a fragment that cannot carry ECN does not go with one that does", () => {
    const context = new DecodeContext();
    insert(piece(source, { first: 16, end: 48, more: false }, { typeOfService: 2 }), context);
    const reason = insert(piece(source, { first: 0, end: 16, more: true }, { typeOfService: 0 }), context);
    expect(reason).toBe("FragmentEcnConflict");
    expect(context.fragments.table.count).toBe(0);
  });

  test("a fragment that the capture cut is not taken", () => {
    const bytes = piece(source, { first: 0, end: 16, more: true });
    expect(insert(bytes.slice(0, -1), new DecodeContext(), { wireLength: bytes.length })).toBe("FragmentCutShort");
  });

  test("a wrong TCP checksum over fragments is found although the card vouches for each", () => {
    const bytes = segment().slice(34);
    bytes[20]! ^= 1;
    const context = new DecodeContext();
    const send = (at: Piece) =>
      insert(buildFragment(segmentSpec(), 6, bytes, at.first, at.end, at.more, 1), context, { checksum: 1 });
    send({ first: 0, end: 16, more: true });
    expect(send({ first: 16, end: 25, more: false })).toBe("BadTcpChecksum");
  });

  test.each([
    [4, IPV4_TIMEOUT_MS],
    [6, IPV6_TIMEOUT_MS],
  ])("an unfinished IPv%i datagram is forgotten after %i ms", (ipVersion, timeoutMs) => {
    const context = new DecodeContext({ checksum: "trust" });
    const send = (at: Piece, timestampMs: number) => insert(piece(source, at, { ipVersion }), context, { timestampMs });
    send({ first: 0, end: 16, more: true }, 1000);
    expect(send({ first: 16, end: 32, more: true }, 1000 + timeoutMs - 1)).toBe("FragmentHeld");
    expect(send({ first: 32, end: 48, more: false }, 1000 + timeoutMs)).toBe("FragmentHeld");
    expect(context.reasons[DecodeReason.FragmentTimeout]).toBe(1);
    expect(context.fragments.table.count).toBe(1);
  });

  test("a datagram beyond 65535 never comes out", () => {
    const context = new DecodeContext({ checksum: "trust" });
    const long = body(65_535);
    insert(piece(long, { first: 0, end: 60_000, more: true }), context);
    // With 20 bytes of header this is 65,540.
    expect(insert(piece(long, { first: 60_000, end: 65_520, more: false }), context)).toBe("FragmentTooLong");
    const over = piece(long, { first: 0, end: 16, more: true }, {}, 2);
    over.set([0x3f, 0xff], 20);
    expect(insert(over, context)).toBe("FragmentTooLong");
    // Linux keeps the length that it saw: the end that comes later contradicts it.
    expect(insert(piece(long, { first: 16, end: 32, more: false }, {}, 2), context)).toBe("FragmentEndConflict");
  });

  test("the largest datagrams come out whole", () => {
    for (const [ipVersion, length] of [[4, 65_515], [6, 65_535]] as const) {
      const context = new DecodeContext({ checksum: "trust" });
      const long = body(length);
      insert(piece(long, { first: 32_768, end: length, more: false }, { ipVersion }), context);
      expect(insert(piece(long, { first: 0, end: 32_768, more: true }, { ipVersion }), context)).toBe("Ok");
      expect(packet.payloadLength).toBe(length - 8);
      expect(packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + length - 8)).toEqual(long.slice(8));
    }
  });
});

describe("fragment memory", () => {
  test("holds MAX_DATAGRAMS, then gives up the oldest", () => {
    const context = new DecodeContext();
    const source = body(48);
    for (let id = 0; id <= MAX_DATAGRAMS; id++) insert(piece(source, { first: 0, end: 16, more: true }, {}, id), context);
    expect(context.fragments.table.count).toBe(MAX_DATAGRAMS);
    expect(context.reasons[DecodeReason.FragmentEvicted]).toBe(1);
    const rest = { first: 16, end: 48, more: false };
    expect(insert(piece(source, rest, {}, MAX_DATAGRAMS), context)).toBe("Ok");
    expect(insert(piece(source, rest, {}, 1), context)).toBe("Ok");
    expect(insert(piece(source, rest, {}, 0), context)).toBe("FragmentHeld");
  });

  test("never holds more than FRAGMENT_BYTES, and all of it comes back", () => {
    const context = new DecodeContext({ checksum: "trust" });
    const long = body(60_000);
    for (let id = 0; id < 200; id++) {
      expect(insert(piece(long, { first: 0, end: 59_992, more: true }, {}, id), context)).toBe("FragmentHeld");
      expect(context.fragments.heldBytes).toBeLessThanOrEqual(FRAGMENT_BYTES);
    }
    expect(context.reasons[DecodeReason.FragmentEvicted]).toBeGreaterThan(100);
    for (let id = 0; id < 200; id++) insert(piece(long, { first: 8, end: 16, more: false }, {}, id), context);
    const left = context.fragments.table.count;
    insert(piece(long, { first: 0, end: 16, more: true }, {}, 999), context, { timestampMs: IPV4_TIMEOUT_MS });
    expect(context.fragments.table.count).toBeLessThanOrEqual(left);
  });
});

/** `inet_frag_queue_insert` and `ip_frag_queue` again, with plain arrays: the oracle. */
class NaiveDatagram {
  runs: { start: number; pieces: { first: number; end: number }[] }[] = [];
  bytes = new Map<number, number>();
  length = 0;
  lastSeen = false;
  present = 0;

  insert(at: Piece, bytes: Uint8Array): string {
    const end = at.more ? at.end & ~7 : at.end;
    if (!at.more) {
      if (end < this.length || (this.lastSeen && end !== this.length)) return "FragmentEndConflict";
      this.lastSeen = true;
      this.length = end;
    } else if (end > this.length) {
      if (this.lastSeen) return "FragmentEndConflict";
      this.length = end;
    }
    if (end === at.first) return "BadFragmentLength";
    const verdict = this.place(at.first, end);
    if (verdict !== "Added") return verdict;
    for (let index = at.first; index < end; index++) this.bytes.set(index, bytes[index]!);
    this.present += end - at.first;
    const isDone = this.lastSeen && this.bytes.has(0) && this.present === this.length;
    return isDone ? "Ok" : "FragmentHeld";
  }

  place(first: number, end: number): string {
    const last = this.runs.at(-1);
    const tail = last?.pieces.at(-1);
    if (last !== undefined && tail !== undefined && tail.end < end) {
      if (first < tail.end) return "FragmentOverlap";
      if (first === tail.end) {
        last.pieces.push({ first, end });
        return "Added";
      }
    } else {
      for (const run of this.runs) {
        const runEnd = run.pieces.at(-1)!.end;
        if (end <= run.start || first >= runEnd) continue;
        return first >= run.start && end <= runEnd ? "FragmentDuplicate" : "FragmentOverlap";
      }
    }
    this.runs.push({ start: first, pieces: [{ first, end }] });
    this.runs.sort((a, b) => a.start - b.start);
    return "Added";
  }
}

test("fragments agree with a naive twin of Linux's queue", () => {
  const pieces = fc.array(
    fc.record({
      block: fc.nat(4),
      length: fc.oneof(fc.nat(24), fc.constantFrom(8, 16)),
      more: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      fill: fc.nat(255),
    }),
    { minLength: 1, maxLength: 14 },
  );
  let finished = 0;
  let datagrams = 0;
  const context = new DecodeContext({ checksum: "trust" });
  fc.assert(
    fc.property(pieces, (rows) => {
      const id = datagrams++ & 0xffff;
      let twin = new NaiveDatagram();
      for (const { block, length, more, fill } of rows) {
        const at = { first: block * 8, end: block * 8 + length, more };
        // From 0 to the end is no fragment.
        if (at.first === 0 && !more) continue;
        const source = body(96, fill);
        const expected = twin.insert(at, source);
        const bytes = piece(source, at, {}, id);
        const actual = insert(bytes, context);
        if (expected === "Ok") {
          finished++;
          // Any length of UDP is refused or taken by its own header: look at the bytes below it.
          const whole = Uint8Array.from({ length: twin.length }, (_, index) => twin.bytes.get(index)!);
          expect(["Ok", "BadUdpLength", "TruncatedUdp"]).toContain(actual);
          expect(packet.bytes.slice(34, 34 + twin.length)).toEqual(whole);
          expect(packet.reassembled).toBe(true);
        } else {
          expect(actual).toBe(expected);
        }
        if (expected !== "FragmentHeld" && expected !== "FragmentDuplicate") twin = new NaiveDatagram();
      }
    }),
    { numRuns: 2000, seed: 11 },
  );
  expect(finished).toBeGreaterThan(50);
});

test("fragments inside a tunnel are put together, and fragments of the tunnel around them", () => {
  const context = new DecodeContext({ checksum: "trust" });
  const inner = segmentSpec({ linkHeader: 0, payload: new Uint8Array(400).fill(65) });
  const bytes = segment(inner).slice(networkLength(inner));
  const outer = between(segmentSpec(), "192.0.2.1", "192.0.2.2");
  const reasons: string[] = [];
  for (const [first, end] of [[0, 200], [200, 420]] as const) {
    const half = buildFragment(inner, Protocol.Tcp, bytes, first, end, end < 420, 5);
    for (const [from, to] of [[0, 104], [104, half.length]] as const) {
      const frame = buildFragment(outer, Protocol.IpInIp, half, from, to, to < half.length, first);
      reasons.push(insert(frame, context));
    }
  }
  expect(reasons).toEqual(["FragmentHeld", "FragmentHeld", "FragmentHeld", "Ok"]);
  expect(packet).toMatchObject({ tunnelDepth: 1, payloadLength: 400, source3: inner.source3, ethernetOffset: 0 });
  expect(packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + 400)).toEqual(inner.payload);
  expect(context.fragments.table.count).toBe(0);
});
