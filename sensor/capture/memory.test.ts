import { describe, expect, it } from "vitest";
import { ChecksumState, PacketDirection } from "../decode/mod.ts";
import { Outbox, Route, SLOT_BYTES } from "../inject/outbox.ts";
import { MemorySink, MemorySource } from "./memory.ts";

describe("MemorySource", () => {
  it("gives its frames once, in order, in batches", () => {
    const source = new MemorySource([1, 2, 3].map((byte) => ({ bytes: Uint8Array.of(byte) })), 2);
    const seen: number[] = [];
    expect([1, 2, 3].map(() => source.poll(-1, (frame) => seen.push(frame.bytes[frame.offset])))).toEqual([2, 1, 0]);
    expect(seen).toEqual([1, 2, 3]);
  });

  it("says of a frame what it was told, and nothing of the frame before", () => {
    const source = new MemorySource([
      { bytes: new Uint8Array(60), wireLength: 90, interfaceIndex: 7, direction: PacketDirection.Outgoing, checksum: ChecksumState.Valid, vlanTci: 5, timestampMs: 12 },
      { bytes: new Uint8Array(61) },
    ]);
    const seen: object[] = [];
    source.poll(0, (frame) => seen.push({ ...frame, bytes: frame.bytes.length }));
    expect(seen[0]).toMatchObject({ bytes: 60, wireLength: 90, capturedLength: 60, interfaceIndex: 7, direction: PacketDirection.Outgoing, vlanTci: 5, timestampMs: 12 });
    expect(seen[1]).toMatchObject({ bytes: 61, wireLength: 61, capturedLength: 61, interfaceIndex: 0, direction: PacketDirection.Host, vlanTci: -1, timestampMs: 0 });
    expect(source.statistics()).toMatchObject({ packets: 2, bytes: 121, cutShort: 1 });
  });
});

describe("MemorySink", () => {
  it("remembers what left, by value", () => {
    const outbox = new Outbox(4);
    for (const byte of [1, 2]) {
      const slot = outbox.reserve();
      outbox.bytes.fill(byte, slot * SLOT_BYTES, slot * SLOT_BYTES + 3);
      outbox.length[slot] = byte + 1;
      outbox.route[slot] = Route.Raw4;
      outbox.interfaceIndex[slot] = byte * 10;
    }
    const sink = new MemorySink();
    expect(sink.send(outbox)).toBe(2);
    outbox.bytes.fill(0);
    expect(sink.sent).toEqual([
      { bytes: Uint8Array.of(1, 1), route: Route.Raw4, interfaceIndex: 10 },
      { bytes: Uint8Array.of(2, 2, 2), route: Route.Raw4, interfaceIndex: 20 },
    ]);
  });

  it("fails as told", () => {
    const outbox = new Outbox(4);
    outbox.reserve();
    const sink = new MemorySink();
    sink.failWith = 105;
    expect(sink.send(outbox)).toBe(0);
    expect(outbox.error[0]).toBe(105);
    expect(sink.sent).toEqual([]);
  });
});
