/** Writes frames as pcapng with nanoseconds: evidence, and files for tests. Not for the packet path: it allocates. */
import { type Frame, LinkType, PacketDirection } from "../decode/mod.ts";
import { BlockType, BYTE_ORDER_MAGIC, OptionCode } from "./pcapng.ts";

export interface PcapngWriterOptions {
  /** Names an interface in the file; absent: "if7". */
  interfaceName?: (interfaceIndex: number) => string;
}

const MACS_BYTES = 12;
const NANOSECONDS = 9;
const UNLIMITED_SECTION = 0xffffffff;
/** epb_flags: reception type << 2 | direction, by PacketDirection. */
const FLAGS = [1 << 2 | 1, 3 << 2 | 1, 2 << 2 | 1, 4 << 2 | 1, 2];
const encoder = new TextEncoder();

export class PcapngWriter {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #interfaceName: (interfaceIndex: number) => string;
  readonly #interfaceIds = new Map<string, number>();

  /** Calls `write` with each block; the bytes are the callee's to keep. */
  constructor(write: (bytes: Uint8Array) => void, options: PcapngWriterOptions = {}) {
    this.#write = write;
    this.#interfaceName = options.interfaceName ?? ((interfaceIndex) => `if${interfaceIndex}`);
    const section = new Content(16);
    section.word(BYTE_ORDER_MAGIC).half(1).half(0).word(UNLIMITED_SECTION).word(UNLIMITED_SECTION);
    this.#block(BlockType.Section, section);
  }

  /** A VLAN tag that the kernel took out is put back. */
  packet(frame: Frame, comment = ""): void {
    const tagged = frame.vlanTci >= 0 && frame.linkType === LinkType.Ethernet && frame.capturedLength >= MACS_BYTES;
    const capturedLength = frame.capturedLength + (tagged ? 4 : 0);
    const interfaceId = this.#interfaceId(frame);
    const nanoseconds = Math.round(frame.timestampMs * 1e6);
    const text = encoder.encode(comment);
    const content = new Content(60 + capturedLength + text.length);
    content.word(interfaceId).word(Math.floor(nanoseconds / 2 ** 32)).word(nanoseconds % 2 ** 32);
    content.word(capturedLength).word(frame.wireLength + (tagged ? 4 : 0));
    const bytes = frame.bytes.subarray(frame.offset, frame.offset + frame.capturedLength);
    if (tagged) {
      content.put(bytes.subarray(0, MACS_BYTES)).bigHalf(frame.vlanTpid).bigHalf(frame.vlanTci).put(bytes.subarray(MACS_BYTES));
    } else {
      content.put(bytes);
    }
    content.pad();
    if (text.length > 0) content.option(OptionCode.Comment, text);
    content.half(OptionCode.PacketFlags).half(4).word(FLAGS[frame.direction] ?? FLAGS[PacketDirection.Host]);
    content.word(OptionCode.End);
    this.#block(BlockType.EnhancedPacket, content);
  }

  #interfaceId(frame: Frame): number {
    const key = `${frame.interfaceIndex} ${frame.linkType}`;
    const known = this.#interfaceIds.get(key);
    if (known !== undefined) return known;
    const name = encoder.encode(this.#interfaceName(frame.interfaceIndex));
    const content = new Content(32 + name.length);
    content.half(frame.linkType).half(0).word(0);
    content.option(OptionCode.InterfaceName, name);
    content.option(OptionCode.TimestampResolution, Uint8Array.of(NANOSECONDS));
    content.word(OptionCode.End);
    this.#block(BlockType.Interface, content);
    const id = this.#interfaceIds.size;
    this.#interfaceIds.set(key, id);
    return id;
  }

  #block(type: number, content: Content): void {
    const length = content.length + 12;
    const block = new Uint8Array(length);
    const view = new DataView(block.buffer);
    view.setUint32(0, type, true);
    view.setUint32(4, length, true);
    block.set(content.bytes.subarray(0, content.length), 8);
    view.setUint32(length - 4, length, true);
    this.#write(block);
  }
}

class Content {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  word(value: number): this {
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
    return this;
  }

  half(value: number): this {
    this.#view.setUint16(this.length, value, true);
    this.length += 2;
    return this;
  }

  bigHalf(value: number): this {
    this.#view.setUint16(this.length, value);
    this.length += 2;
    return this;
  }

  put(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  pad(): this {
    this.length = (this.length + 3) & ~3;
    return this;
  }

  option(code: number, value: Uint8Array): this {
    return this.half(code).half(value.length).put(value).pad();
  }
}
