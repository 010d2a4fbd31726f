/** Builds capture files of every form, and damaged ones, for tests. */
import { BlockType, BYTE_ORDER_MAGIC } from "./pcapng.ts";
import { PcapMagic } from "./pcap.ts";

export interface PcapPacket {
  seconds: number;
  /** Microseconds or nanoseconds. */
  fraction: number;
  bytes: Uint8Array;
  wireLength?: number;
  /** A lie about the bytes that follow. */
  capturedLength?: number;
}

export interface PcapForm {
  little?: boolean;
  nanoseconds?: boolean;
  linkType?: number;
}

export function text(ascii: string): Uint8Array {
  return new TextEncoder().encode(ascii);
}

export function pcap({ little = true, nanoseconds = false, linkType = 1 }: PcapForm, packets: readonly PcapPacket[]): Uint8Array {
  const magic = nanoseconds ? PcapMagic.Nanoseconds : PcapMagic.Microseconds;
  const header = words(little, magic, 0, 0, 0, 65535, linkType);
  new DataView(header.buffer).setUint16(4, 2, little);
  new DataView(header.buffer).setUint16(6, 4, little);
  const parts: Uint8Array[] = [header];
  for (const packet of packets) {
    parts.push(words(little, packet.seconds, packet.fraction, packet.capturedLength ?? packet.bytes.length, packet.wireLength ?? packet.bytes.length));
    parts.push(packet.bytes);
  }
  return Buffer.concat(parts);
}

export function block(little: boolean, type: number, content: Uint8Array): Uint8Array {
  const padded = (content.length + 3) & ~3;
  return Uint8Array.from(Buffer.concat([words(little, type, padded + 12), content, new Uint8Array(padded - content.length), words(little, padded + 12)]));
}

export function option(little: boolean, code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + ((value.length + 3) & ~3));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, little);
  view.setUint16(2, value.length, little);
  bytes.set(value, 4);
  return bytes;
}

export function sectionBlock(little: boolean): Uint8Array {
  const content = words(little, BYTE_ORDER_MAGIC, 0, 0xffffffff, 0xffffffff);
  new DataView(content.buffer).setUint16(4, 1, little);
  return block(little, BlockType.Section, content);
}

export function interfaceBlock(little: boolean, linkType: number, ...options: Uint8Array[]): Uint8Array {
  const content = words(little, 0, 0);
  new DataView(content.buffer).setUint16(0, linkType, little);
  return block(little, BlockType.Interface, Buffer.concat([content, ...options, words(little, 0)]));
}

export interface PcapngPacket {
  interfaceId?: number;
  ticks?: bigint;
  bytes?: Uint8Array;
  wireLength?: number;
  flags?: number;
}

export function packetBlock(little: boolean, { interfaceId = 0, ticks = 0n, bytes = new Uint8Array(0), wireLength = bytes.length, flags }: PcapngPacket): Uint8Array {
  const header = words(little, interfaceId, Number(ticks >> 32n), Number(ticks & 0xffffffffn), bytes.length, wireLength);
  const padding = new Uint8Array((4 - (bytes.length & 3)) & 3);
  const options = flags === undefined ? new Uint8Array(0) : Buffer.concat([option(little, 1, text("said")), option(little, 2, words(little, flags)), words(little, 0)]);
  return block(little, BlockType.EnhancedPacket, Buffer.concat([header, bytes, padding, options]));
}

function words(little: boolean, ...values: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(index * 4, value, little));
  return bytes;
}
