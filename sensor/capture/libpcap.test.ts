import { describe, expect, it } from "vitest";
import { LinkType, PacketDirection } from "../decode/mod.ts";
import { CaptureError } from "./error.ts";
import { kernelBufferBytes, linkTypeOfName, openLibpcap, QUEUE_PACKETS } from "./libpcap.ts";
import type { CapDevice, CapModule, LibpcapOptions } from "./libpcap.ts";

/** The package, without libpcap: `emit` is a packet that arrives. */
class FakeCap implements CapDevice {
  static opened: FakeCap[] = [];
  buffer: Buffer = Buffer.alloc(0);
  closed = false;
  #listener: (length: number, truncated: boolean) => void = () => {};
  open(device: string, _filter: string, _bytes: number, buffer: Buffer): string {
    if (device === "absent0") throw new Error("absent0: No such device exists");
    this.buffer = buffer;
    FakeCap.opened.push(this);
    return "ETHERNET";
  }
  on(_event: "packet", listener: (length: number, truncated: boolean) => void): void {
    this.#listener = listener;
  }
  close(): void {
    this.closed = true;
  }
  emit(bytes: Uint8Array): void {
    this.buffer.set(bytes);
    this.#listener(bytes.length, false);
  }
}

function openFake(options: Partial<LibpcapOptions> = {}) {
  FakeCap.opened = [];
  const module: CapModule = { Cap: FakeCap };
  const source = openLibpcap({ interfaces: [{ name: "fake0" }], ...options }, () => module);
  return { source, device: FakeCap.opened[0] };
}

describe("LibpcapSource", () => {
  it("hands packets over in the order of their events", async () => {
    const { source, device } = openFake();
    const waiting = source.readable(10_000);
    device.emit(Uint8Array.of(1, 2, 3));
    device.emit(Uint8Array.of(4));
    expect(await waiting).toBe(true);
    const seen: number[][] = [];
    expect(source.poll(0, (frame) => seen.push([...frame.bytes.subarray(frame.offset, frame.offset + frame.capturedLength)]))).toBe(2);
    expect(seen).toEqual([[1, 2, 3], [4]]);
    expect(source.poll(0, () => {})).toBe(0);
    source.close();
  });

  it("tells direction by the interface's own MAC", () => {
    const { source, device } = openFake({ interfaces: [{ name: "fake0", index: 42, mac: "02:00:00:00:00:0a" }] });
    const own = Uint8Array.from([...Array(6).fill(1), 2, 0, 0, 0, 0, 10, 8, 0]);
    device.emit(own);
    device.emit(own.with(11, 11));
    const seen: number[][] = [];
    source.poll(0, (frame) => seen.push([frame.interfaceIndex, frame.direction]));
    expect(seen).toEqual([[42, PacketDirection.Outgoing], [42, PacketDirection.Host]]);
    source.close();
  });

  it("tells a frame of an interface without a known MAC as incoming", () => {
    const { source, device } = openFake();
    device.emit(new Uint8Array(60));
    source.poll(0, (frame) => expect(frame).toMatchObject({ direction: PacketDirection.Host, linkType: LinkType.Ethernet, interfaceIndex: 1 }));
    source.close();
  });

  it("counts what finds the queue full, and goes on once it is empty", () => {
    const { source, device } = openFake({ queueBytes: 1000 });
    for (let packet = 0; packet < 12; packet++) device.emit(new Uint8Array(100));
    expect(source.poll(0, () => {})).toBe(10);
    expect(source.statistics()).toMatchObject({ packets: 10, bytes: 1000, dropped: 2 });
    device.emit(new Uint8Array(100));
    expect(source.poll(0, () => {})).toBe(1);
    for (let packet = 0; packet < QUEUE_PACKETS + 5; packet++) device.emit(new Uint8Array(0));
    expect(source.statistics().dropped).toBe(7);
    source.close();
  });

  it("visits a bounded batch a poll", () => {
    const { source, device } = openFake({ batchPackets: 3 });
    for (let packet = 0; packet < 5; packet++) device.emit(new Uint8Array(1));
    expect([source.poll(0, () => {}), source.poll(0, () => {})]).toEqual([3, 2]);
    source.close();
  });

  it("ends a wait by wake, by close and by time", async () => {
    const { source, device } = openFake();
    const woken = source.readable(-1);
    source.wake();
    expect(await woken).toBe(true);
    expect(await source.readable(1)).toBe(false);
    const closing = source.readable(-1);
    source.close();
    expect(await closing).toBe(true);
    expect(device.closed).toBe(true);
    device.emit(Uint8Array.of(1));
    expect(source.poll(0, () => {})).toBe(0);
  });

  it("closes what it opened when a later interface cannot be opened", () => {
    expect(() => openFake({ interfaces: [{ name: "fake0" }, { name: "absent0" }] })).toThrow(CaptureError);
    expect(FakeCap.opened.map((device) => device.closed)).toEqual([true]);
  });

  it("says how to get the package where it is missing", () => {
    expect(() => openLibpcap({ interfaces: [] }, () => { throw new CaptureError("Build the optional package cap"); })).toThrow("Build");
  });

  it.each([[1, 32], [4, 32], [8, 16], [200, 8]])("of %i interfaces gives each a kernel buffer of %i MiB", (interfaces, mebibytes) => {
    expect(kernelBufferBytes(interfaces)).toBe(mebibytes << 20);
  });

  it.each([["ETHERNET", 1], ["NULL", 0], ["RAW", 101], ["LINKTYPE_LINUX_SLL", 113], ["Unknown linktype 276", 276], ["odd", -1]])("knows the link type %s", (name, number) => {
    expect(linkTypeOfName(name)).toBe(number);
  });
});
