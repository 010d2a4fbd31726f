import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type Frame, LinkType, PacketDirection } from "../decode/mod.ts";
import { MAX_RECORD_BYTES } from "./byteWindow.ts";
import { CaptureStream, readCapture } from "./captureFile.ts";
import { CaptureFileError } from "./captureFileError.ts";
import { block, interfaceBlock, option, packetBlock, pcap, sectionBlock, text } from "./fileForge.fixture.ts";

interface Seen {
  bytes: string;
  wireLength: number;
  timestampMs: number;
  interfaceIndex: number;
  linkType: number;
  direction: number;
}

function copy(frame: Frame): Seen {
  return {
    bytes: Buffer.from(frame.bytes.subarray(frame.offset, frame.offset + frame.capturedLength)).toString("latin1"),
    wireLength: frame.wireLength,
    timestampMs: frame.timestampMs,
    interfaceIndex: frame.interfaceIndex,
    linkType: frame.linkType,
    direction: frame.direction,
  };
}

/** Feeds the file in pieces of the given sizes, over and over. */
function feed(file: Uint8Array, sizes: readonly number[] = [file.length]): { seen: Seen[]; error: CaptureFileError | undefined } {
  const seen: Seen[] = [];
  const stream = new CaptureStream((frame) => seen.push(copy(frame)));
  try {
    for (let at = 0, turn = 0; at < file.length; at += sizes[turn % sizes.length], turn++) {
      stream.window.append(file.subarray(at, at + sizes[turn % sizes.length]));
      stream.read();
    }
    stream.end();
  } catch (error) {
    stream.fail(error);
  }
  return { seen, error: stream.summary.error };
}

const PACKETS = [
  { seconds: 1_700_000_000, fraction: 123_456, bytes: text("first") },
  { seconds: 1_700_000_001, fraction: 7, bytes: text("second, which is longer"), wireLength: 1500 },
  { seconds: 1_700_000_001, fraction: 999_999, bytes: text("") },
];

function pcapng(little: boolean): Uint8Array {
  return Buffer.concat([
    sectionBlock(little),
    interfaceBlock(little, LinkType.Ethernet),
    block(little, 0x0bad, text("skipped")),
    interfaceBlock(little, LinkType.Raw, option(little, 9, Uint8Array.of(9)), option(little, 14, bigEndian(little, 10n))),
    packetBlock(little, { interfaceId: 0, ticks: 1_700_000_000_123_456n, bytes: text("micro"), flags: 2 }),
    packetBlock(little, { interfaceId: 1, ticks: 1_699_999_990_000_000_512n, bytes: text("nano!!!"), wireLength: 99, flags: 3 << 2 | 1 }),
  ]);
}

function bigEndian(little: boolean, value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value, little);
  return bytes;
}

const folder = mkdtempSync(join(tmpdir(), "flowreset-capture-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a pcap file", () => {
  it.each([
    ["little-endian, microseconds", true, false],
    ["big-endian, microseconds", false, false],
    ["little-endian, nanoseconds", true, true],
    ["big-endian, nanoseconds", false, true],
  ])("is read: %s", (_name, little, nanoseconds) => {
    const { seen, error } = feed(pcap({ little, nanoseconds, linkType: LinkType.LinuxCooked }, PACKETS));
    expect(error).toBeUndefined();
    expect(seen.map((frame) => frame.bytes)).toEqual(["first", "second, which is longer", ""]);
    expect(seen.map((frame) => frame.wireLength)).toEqual([5, 1500, 0]);
    expect(seen[0].linkType).toBe(LinkType.LinuxCooked);
    expect(seen[0].interfaceIndex).toBe(1);
    expect(seen[0].timestampMs).toBeCloseTo(1_700_000_000_000 + (nanoseconds ? 0.123456 : 123.456), 3);
  });

  it("knows the old numbers of raw IP", () => {
    expect(feed(pcap({ linkType: 12 }, PACKETS)).seen[0].linkType).toBe(LinkType.Raw);
  });

  it("ignores the frame-check bits beside the link type", () => {
    expect(feed(pcap({ linkType: 0x24000001 }, PACKETS)).seen[0].linkType).toBe(LinkType.Ethernet);
  });

  it("of another version is refused", () => {
    const file = pcap({}, PACKETS);
    file[4] = 9;
    expect(feed(file)).toMatchObject({ seen: [], error: { offset: 4 } });
  });

  it("with an impossible length gives what came before, and the byte", () => {
    const file = pcap({}, [PACKETS[0], { ...PACKETS[1], capturedLength: MAX_RECORD_BYTES + 1 }]);
    const { seen, error } = feed(file);
    expect(seen.map((frame) => frame.bytes)).toEqual(["first"]);
    expect(error?.offset).toBe(24 + 16 + 5);
    expect(error?.message).toContain("damaged");
  });
});

describe("a pcapng file", () => {
  it.each([["little-endian", true], ["big-endian", false]])("is read: %s, several interfaces, their resolution and offset", (_name, little) => {
    const { seen, error } = feed(pcapng(little));
    expect(error).toBeUndefined();
    expect(seen).toMatchObject([
      { bytes: "micro", wireLength: 5, interfaceIndex: 1, linkType: LinkType.Ethernet, direction: PacketDirection.Outgoing },
      { bytes: "nano!!!", wireLength: 99, interfaceIndex: 2, linkType: LinkType.Raw, direction: PacketDirection.Broadcast },
    ]);
    expect(seen[0].timestampMs).toBeCloseTo(1_700_000_000_123.456, 3);
    expect(seen[1].timestampMs).toBeCloseTo(1_700_000_000_000, 3);
  });

  it("may count its clock in powers of two", () => {
    const file = Buffer.concat([sectionBlock(true), interfaceBlock(true, 1, option(true, 9, Uint8Array.of(0x80 | 10))), packetBlock(true, { ticks: 2048n })]);
    expect(feed(file).seen[0].timestampMs).toBe(2000);
  });

  it("may hold simple and obsolete packet blocks", () => {
    const obsolete = packetBlock(true, { ticks: 5_000_000n, bytes: text("old") });
    new DataView(obsolete.buffer, obsolete.byteOffset).setUint32(0, 2, true);
    const simple = block(true, 3, Buffer.concat([Uint8Array.of(6, 0, 0, 0), text("simple"), Uint8Array.of(0, 0)]));
    const { seen, error } = feed(Buffer.concat([sectionBlock(true), interfaceBlock(true, 1), obsolete, simple]));
    expect(error).toBeUndefined();
    expect(seen).toMatchObject([{ bytes: "old", timestampMs: 5000 }, { bytes: "simple", wireLength: 6, timestampMs: 5000 }]);
  });

  it("cuts a simple packet at the interface's snap length", () => {
    const description = interfaceBlock(true, 1);
    new DataView(description.buffer, description.byteOffset).setUint32(12, 4, true);
    const simple = block(true, 3, Buffer.concat([Uint8Array.of(6, 0, 0, 0), text("simp")]));
    expect(feed(Buffer.concat([sectionBlock(true), description, simple])).seen).toMatchObject([{ bytes: "simp", wireLength: 6 }]);
  });

  it("may have sections of different byte order, each with its own interfaces", () => {
    const { seen, error } = feed(Buffer.concat([pcapng(true), pcapng(false), pcapng(true)]));
    expect(error).toBeUndefined();
    expect(seen.map((frame) => frame.bytes)).toEqual(["micro", "nano!!!", "micro", "nano!!!", "micro", "nano!!!"]);
  });

  const head = Buffer.concat([sectionBlock(true), interfaceBlock(true, 1), packetBlock(true, { bytes: text("before") })]);
  it.each([
    ["a packet of an unknown interface", packetBlock(true, { interfaceId: 7 })],
    ["a captured length beyond its block", change(packetBlock(true, { bytes: text("four") }), 20, 400)],
    ["a block length that is no multiple of four", change(packetBlock(true, {}), 4, 33)],
    ["a block length below its own frame", change(packetBlock(true, {}), 4, 8)],
    ["a block length beyond every limit", change(packetBlock(true, {}), 4, 0x7ffffffc)],
    ["two lengths that differ", change(packetBlock(true, {}), 28, 36)],
    ["a packet block without content", block(true, 6, new Uint8Array(4))],
    ["an interface block without content", block(true, 1, new Uint8Array(4))],
    ["a simple packet block without content", block(true, 3, new Uint8Array(0))],
    ["an option beyond its block", block(true, 1, Buffer.concat([new Uint8Array(8), Uint8Array.of(2, 0, 99, 0)]))],
    ["a section of unknown byte order", change(sectionBlock(true), 8, 0x01020304)],
  ])("with %s gives what came before, and the byte", (_name, bad) => {
    const { seen, error } = feed(Buffer.concat([head, bad, packetBlock(true, { bytes: text("after") })]));
    expect(seen.map((frame) => frame.bytes)).toEqual(["before"]);
    expect(error).toBeInstanceOf(CaptureFileError);
    expect(error?.offset).toBeGreaterThanOrEqual(head.length);
    expect(error?.offset).toBeLessThan(head.length + bad.length);
  });

  it("with more interfaces than the limit is refused", () => {
    const many = Array.from({ length: 4097 }, () => interfaceBlock(true, 1));
    expect(feed(Buffer.concat([sectionBlock(true), ...many])).error?.message).toContain("4096 interfaces");
  });
});

describe("any capture file", () => {
  const files = [pcap({}, PACKETS), pcap({ little: false, nanoseconds: true }, PACKETS), pcapng(true), pcapng(false)];

  it("gives the same frames in pieces of every size", () => {
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }), (file, sizes) => {
        expect(feed(file, sizes)).toEqual(feed(file));
      }),
    );
  });

  it("cut off anywhere gives the frames before, and an error at the begin of what is cut", () => {
    for (const file of files) {
      const whole = feed(file).seen;
      for (let length = 0; length < file.length; length++) {
        const { seen, error } = feed(file.subarray(0, length));
        expect(seen).toEqual(whole.slice(0, seen.length));
        if (error === undefined) continue; // cut between two records
        expect(error.offset).toBeLessThanOrEqual(length);
      }
    }
  });

  it("damaged anywhere neither throws nor hangs", () => {
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.nat(), fc.integer({ min: 0, max: 255 }), (file, at, value) => {
        const damaged = Uint8Array.from(file);
        damaged[at % file.length] = value;
        const { seen, error } = feed(damaged);
        expect(seen.length).toBeLessThan(100);
        expect(error === undefined || error instanceof CaptureFileError).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["a foreign file", text("%PDF-1.7 no capture"), "0x25504446"],
    ["an empty file", text(""), "only 0 bytes"],
    ["a file of three bytes", text("abc"), "only 3 bytes"],
    ["a file header alone, cut", pcap({}, []).subarray(0, 20), "file header"],
  ])("refuses %s", (_name, file, said) => {
    expect(feed(file).error?.message).toContain(said);
  });

  it("without packets is whole", () => {
    expect(feed(pcap({}, []))).toEqual({ seen: [], error: undefined });
  });
});

describe("readCapture()", () => {
  async function readBytes(name: string, bytes: Uint8Array) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const seen: string[] = [];
    return { ...(await readCapture(path, (frame) => seen.push(copy(frame).bytes))), seen };
  }

  it("reads a plain file", async () => {
    expect(await readBytes("plain.pcap", pcap({}, PACKETS))).toEqual({ packets: 3, bytes: 28, seen: PACKETS.map((packet) => Buffer.from(packet.bytes).toString()) });
  });

  const many = Array.from({ length: 20_000 }, (_, index) => ({ seconds: index, fraction: 0, bytes: text(`packet ${index} `.padEnd(200, String(index * 7919))) }));

  it("reads gzip without being told, in several members", async () => {
    const file = pcap({}, many);
    const members = Buffer.concat([gzipSync(file.subarray(0, 1_000_003)), gzipSync(file.subarray(1_000_003))]);
    const { packets, seen, error } = await readBytes("members.pcap.gz", members);
    expect(error).toBeUndefined();
    expect(packets).toBe(many.length);
    expect(seen.at(-1)).toContain("packet 19999");
  });

  it("gives what a cut-off gzip file holds, and where it ends", async () => {
    const packed = gzipSync(pcap({}, many));
    const { packets, error } = await readBytes("cut.pcap.gz", packed.subarray(0, packed.length >> 1));
    expect(packets).toBeGreaterThan(1000);
    expect(packets).toBeLessThan(many.length);
    expect(error?.message).toContain("gzip");
    expect(error?.offset).toBeGreaterThan(packets * 216);
  });

  it("gives what a damaged gzip file holds before the damage", async () => {
    const packed = gzipSync(pcap({}, many));
    packed.fill(0xff, packed.length >> 1, (packed.length >> 1) + 64);
    const { packets, error } = await readBytes("damaged.pcap.gz", packed);
    expect(packets).toBeGreaterThan(1000);
    expect(error).toBeInstanceOf(CaptureFileError);
  });

  it("stops at a damaged record inside gzip", async () => {
    const { packets, error } = await readBytes("inside.pcap.gz", gzipSync(pcap({}, [...many, { ...PACKETS[0], capturedLength: 2 ** 31 }, ...many])));
    expect(packets).toBe(many.length);
    expect(error?.message).toContain("damaged");
  });

  it("reads a record longer than its window", async () => {
    const long = { seconds: 1, fraction: 0, bytes: new Uint8Array(5 << 20) };
    const { packets, bytes, error } = await readBytes("long.pcap", pcap({}, [PACKETS[0], long, PACKETS[1]]));
    expect({ packets, bytes, error }).toEqual({ packets: 3, bytes: 5 + (5 << 20) + 23, error: undefined });
  });

  it("says what cannot be opened", async () => {
    const { packets, error } = await readCapture(join(folder, "absent.pcap"), () => {});
    expect(packets).toBe(0);
    expect(error?.message).toContain("ENOENT");
    expect((await readCapture(folder, () => {})).error?.message).toContain("EISDIR");
  });

  it("passes on what visit throws", async () => {
    const path = join(folder, "thrown.pcap.gz");
    for (const bytes of [pcap({}, PACKETS), gzipSync(pcap({}, PACKETS))]) {
      writeFileSync(path, bytes);
      await expect(readCapture(path, () => { throw new Error("of visit"); })).rejects.toThrow("of visit");
    }
  });
});

function change(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  new DataView(changed.buffer).setUint32(at, value, true);
  return changed;
}
