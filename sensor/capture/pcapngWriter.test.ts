import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Frame, LinkType } from "../decode/mod.ts";
import { CaptureStream } from "./captureFile.ts";
import { PcapngWriter } from "./pcapngWriter.ts";

const frames = fc.record({
  bytes: fc.uint8Array({ maxLength: 200 }),
  extra: fc.integer({ min: 0, max: 5000 }),
  timestampMs: fc.double({ min: 0, max: 4e12, noNaN: true }),
  interfaceIndex: fc.integer({ min: 1, max: 5 }),
  linkType: fc.constantFrom<number>(LinkType.Ethernet, LinkType.Raw),
  direction: fc.integer({ min: 0, max: 4 }),
  comment: fc.string({ maxLength: 40 }),
});

function frameOf(bytes: Uint8Array, fields: Partial<Frame> = {}): Frame {
  return Object.assign(new Frame(), { wireLength: bytes.length }, fields, { bytes, capturedLength: bytes.length });
}

describe("PcapngWriter", () => {
  it("writes what the reader reads back", () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 20 }), (written) => {
        const stream = new CaptureStream((frame) => {
          const expected = written[stream.summary.packets - 1];
          expect(Buffer.from(frame.bytes.subarray(frame.offset, frame.offset + frame.capturedLength)).equals(expected.bytes)).toBe(true);
          expect(frame.wireLength).toBe(expected.bytes.length + expected.extra);
          expect(Math.abs(frame.timestampMs - expected.timestampMs)).toBeLessThan(0.001);
          expect(frame.linkType).toBe(expected.linkType);
          expect(frame.direction).toBe(expected.direction);
        });
        const writer = new PcapngWriter((bytes) => stream.window.append(bytes));
        for (const { bytes, extra, comment, ...fields } of written) {
          writer.packet(frameOf(bytes, { ...fields, wireLength: bytes.length + extra }), comment);
        }
        stream.read();
        stream.end();
        expect(stream.summary.packets).toBe(written.length);
      }),
    );
  });

  it("puts a VLAN tag back that the kernel took out", () => {
    const bytes = Uint8Array.from({ length: 20 }, (_, index) => index);
    let read: number[] = [];
    const stream = new CaptureStream((frame) => {
      read = [...frame.bytes.subarray(frame.offset, frame.offset + frame.capturedLength)];
      expect(frame.wireLength).toBe(24);
    });
    new PcapngWriter((block) => stream.window.append(block)).packet(frameOf(bytes, { vlanTci: 0x2007, vlanTpid: 0x88a8 }));
    stream.read();
    expect(read).toEqual([...bytes.subarray(0, 12), 0x88, 0xa8, 0x20, 0x07, ...bytes.subarray(12)]);
  });

  it("names the interfaces as told", () => {
    const blocks: Uint8Array[] = [];
    new PcapngWriter((block) => blocks.push(block), { interfaceName: (index) => `veth${index}` }).packet(frameOf(new Uint8Array(14), { interfaceIndex: 42 }));
    expect(Buffer.concat(blocks).includes("veth42")).toBe(true);
  });

  it.skipIf(!available("tcpdump"))("writes files that libpcap reads", () => {
    const blocks: Uint8Array[] = [];
    const arp = Uint8Array.from([...Array(12).fill(255), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, ...Array(20).fill(1)]);
    new PcapngWriter((block) => blocks.push(block)).packet(frameOf(arp, { timestampMs: 1_700_000_000_123.456 }), "a comment");
    const said = execFileSync("tcpdump", ["-n", "-tt", "--time-stamp-precision=nano", "-r", "-"], { input: Buffer.concat(blocks), stdio: ["pipe", "pipe", "ignore"] }).toString();
    expect(said).toContain("1700000000.12345");
    expect(said).toContain("ARP, Request");
  });
});

function available(tool: string): boolean {
  try {
    execFileSync(tool, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
