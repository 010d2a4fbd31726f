/**
 * The block-structured capture file (draft-ietf-opsawg-pcapng): sections of either byte order, several interfaces
 * with their own link type and clock resolution; enhanced, simple and obsolete packet blocks. Other blocks are skipped.
 */
import { PacketDirection } from "../decode/mod.ts";
import { MAX_RECORD_BYTES } from "./byteWindow.ts";
import type { ByteWindow } from "./byteWindow.ts";
import { CaptureFileError } from "./captureFileError.ts";
import { fileFrame, fileLinkType } from "./pcap.ts";
import type { RecordReader, VisitFrame } from "./pcap.ts";

export const BlockType = {
  Section: 0x0a0d0d0a,
  Interface: 1,
  ObsoletePacket: 2,
  SimplePacket: 3,
  EnhancedPacket: 6,
} as const;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
export const OptionCode = { End: 0, Comment: 1, InterfaceName: 2, TimestampResolution: 9, TimestampOffset: 14, PacketFlags: 2 } as const;
export const MAX_INTERFACES = 4096;
const MAX_NAME_BYTES = 256;
const decoder = new TextDecoder();

/** An interface of the file: the index that its frames will have, and its name; empty where the file has none. */
export type OnInterface = (index: number, name: string) => void;

/** Block type, length before and length after. */
const BLOCK_BYTES = 12;
const HEADER_BYTES = 8;
/** epb_flags: direction in bits 0 and 1, reception type in bits 2 to 4. */
const OUTBOUND = 2;
const DIRECTION_OF_RECEPTION = [
  PacketDirection.Host, PacketDirection.Host, PacketDirection.Multicast, PacketDirection.Broadcast, PacketDirection.OtherHost,
];

interface CaptureInterface {
  linkType: number;
  /** 0: no limit. */
  snapLength: number;
  ticksPerMs: number;
  offsetMs: number;
}

export class PcapngReader implements RecordReader {
  readonly awaited = "a block";
  readonly #frame = fileFrame();
  readonly #onInterface: OnInterface;
  #littleEndian = true;
  #interfaces: CaptureInterface[] = [];

  constructor(onInterface: OnInterface = () => {}) {
    this.#onInterface = onInterface;
  }

  read(window: ByteWindow, visit: VisitFrame): void {
    this.#frame.bytes = window.bytes;
    while (window.length >= BLOCK_BYTES) {
      const { view, start, offset } = window;
      const isSection = view.getUint32(start, true) === BlockType.Section;
      if (isSection) this.#littleEndian = sectionOrder(view, start, offset);
      const type = view.getUint32(start, this.#littleEndian);
      const length = view.getUint32(start + 4, this.#littleEndian);
      if (length < BLOCK_BYTES || length % 4 !== 0 || length > MAX_RECORD_BYTES) throw damaged(`a block of ${length} bytes`, offset);
      if (window.length < length) return;
      const trailer = view.getUint32(start + length - 4, this.#littleEndian);
      if (trailer !== length) throw damaged(`a block of ${length} bytes that ends as one of ${trailer}`, offset);
      this.#block(type, window, start + HEADER_BYTES, start + length - 4, visit);
      window.take(length);
    }
  }

  #block(type: number, window: ByteWindow, from: number, to: number, visit: VisitFrame): void {
    switch (type) {
      case BlockType.Section:
        this.#interfaces = [];
        return;
      case BlockType.Interface:
        this.#addInterface(window, from, to);
        return;
      case BlockType.EnhancedPacket: {
        need(window, from, to, 20);
        const packetFlags = this.#packet(window, from, to, window.view.getUint32(from, this.#littleEndian));
        this.#direction(packetFlags);
        visit(this.#frame);
        return;
      }
      case BlockType.ObsoletePacket:
        need(window, from, to, 20);
        this.#packet(window, from, to, window.view.getUint16(from, this.#littleEndian));
        this.#direction(0);
        visit(this.#frame);
        return;
      case BlockType.SimplePacket:
        this.#simplePacket(window, from, to);
        visit(this.#frame);
        return;
      default:
    }
  }

  /** Fills the frame; returns epb_flags, 0 where there are none. */
  #packet(window: ByteWindow, from: number, to: number, interfaceId: number): number {
    const { view } = window;
    const little = this.#littleEndian;
    const source = this.#interface(interfaceId, window);
    const capturedLength = view.getUint32(from + 12, little);
    if (capturedLength > to - from - 20) throw damaged(`a packet of ${capturedLength} bytes in a block of ${to - from}`, window.offset);
    const ticks = view.getUint32(from + 4, little) * 2 ** 32 + view.getUint32(from + 8, little);
    const frame = this.#frame;
    frame.timestampMs = source.offsetMs + ticks / source.ticksPerMs;
    frame.offset = from + 20;
    frame.capturedLength = capturedLength;
    frame.wireLength = Math.max(capturedLength, view.getUint32(from + 16, little));
    return this.#option(window, from + 20 + ((capturedLength + 3) & ~3), to, OptionCode.PacketFlags);
  }

  /** No time of its own: it has that of the packet before. */
  #simplePacket(window: ByteWindow, from: number, to: number): void {
    need(window, from, to, 4);
    const source = this.#interface(0, window);
    const wireLength = window.view.getUint32(from, this.#littleEndian);
    const frame = this.#frame;
    frame.offset = from + 4;
    frame.capturedLength = Math.min(wireLength, to - from - 4, source.snapLength === 0 ? MAX_RECORD_BYTES : source.snapLength);
    frame.wireLength = wireLength;
    this.#direction(0);
  }

  #interface(id: number, window: ByteWindow): CaptureInterface {
    const found = this.#interfaces[id];
    if (found === undefined) throw damaged(`a packet of interface ${id}, of ${this.#interfaces.length} known`, window.offset);
    this.#frame.interfaceIndex = id + 1;
    this.#frame.linkType = found.linkType;
    return found;
  }

  #direction(packetFlags: number): void {
    this.#frame.direction = (packetFlags & 3) === OUTBOUND
      ? PacketDirection.Outgoing
      : DIRECTION_OF_RECEPTION[(packetFlags >>> 2) & 7] ?? PacketDirection.Host;
  }

  #addInterface(window: ByteWindow, from: number, to: number): void {
    need(window, from, to, 8);
    if (this.#interfaces.length === MAX_INTERFACES) throw damaged(`more than ${MAX_INTERFACES} interfaces`, window.offset);
    const { view } = window;
    const added: CaptureInterface = {
      linkType: fileLinkType(view.getUint16(from, this.#littleEndian)),
      snapLength: view.getUint32(from + 4, this.#littleEndian),
      ticksPerMs: 1e3,
      offsetMs: 0,
    };
    let name = "";
    this.#eachOption(window, from + 8, to, (code, at, length) => {
      if (code === OptionCode.InterfaceName) name = decoder.decode(window.bytes.subarray(at, at + Math.min(length, MAX_NAME_BYTES)));
      if (code === OptionCode.TimestampResolution && length >= 1) added.ticksPerMs = resolution(view.getUint8(at));
      if (code === OptionCode.TimestampOffset && length >= 8) {
        added.offsetMs = Number(view.getBigInt64(at, this.#littleEndian)) * 1000;
      }
    });
    this.#interfaces.push(added);
    this.#onInterface(this.#interfaces.length, name);
  }

  #eachOption(window: ByteWindow, from: number, to: number, visit: (code: number, at: number, length: number) => void): void {
    const { view } = window;
    for (let at = from; at + 4 <= to; ) {
      const code = view.getUint16(at, this.#littleEndian);
      const length = view.getUint16(at + 2, this.#littleEndian);
      if (code === OptionCode.End) return;
      if (at + 4 + length > to) throw damaged(`an option of ${length} bytes`, window.offset + at - window.start);
      visit(code, at + 4, length);
      at += 4 + ((length + 3) & ~3);
    }
  }

  /** A 32-bit option's value, 0 where it is absent. */
  #option(window: ByteWindow, from: number, to: number, wanted: number): number {
    if (to - from < 8) return 0;
    let value = 0;
    this.#eachOption(window, from, to, (code, at, length) => {
      if (code === wanted && length === 4) value = window.view.getUint32(at, this.#littleEndian);
    });
    return value;
  }
}

function sectionOrder(view: DataView, start: number, offset: number): boolean {
  if (view.getUint32(start + 8, true) === BYTE_ORDER_MAGIC) return true;
  if (view.getUint32(start + 8, false) === BYTE_ORDER_MAGIC) return false;
  throw damaged(`byte-order magic 0x${view.getUint32(start + 8).toString(16)}`, offset + 8);
}

/** if_tsresol: a negative power of 10, of 2 where the top bit is set. */
function resolution(code: number): number {
  return (code & 0x80) !== 0 ? 2 ** (code & 0x7f) / 1000 : 10 ** code / 1000;
}

function need(window: ByteWindow, from: number, to: number, bytes: number): void {
  if (to - from < bytes) throw damaged(`a block with ${to - from} bytes of content, at least ${bytes} needed`, window.offset);
}

function damaged(what: string, offset: number): CaptureFileError {
  return new CaptureFileError(`Capture again, the file is damaged: ${what}`, offset);
}
