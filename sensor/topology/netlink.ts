/**
 * Netlink framing (linux/netlink.h): messages in a datagram, attributes in a message, requests. All fields are in the
 * byte order of this machine; everything is aligned to four bytes. A length that does not fit ends the walk and is
 * counted, never followed.
 */

const NLMSG_HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are no part of an attribute's number. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

export const MessageType = {
  Error: 2,
  Done: 3,
  NewLink: 16,
  DeleteLink: 17,
  GetLink: 18,
  NewAddress: 20,
  DeleteAddress: 21,
  GetAddress: 22,
  NewRoute: 24,
  DeleteRoute: 25,
  GetRoute: 26,
  NewNeighbour: 28,
  DeleteNeighbour: 29,
  GetNeighbour: 30,
} as const;

export const MessageFlag = { Request: 1, DumpInterrupted: 0x10, Replace: 0x100, Dump: 0x300 } as const;

/** Multicast groups (RTMGRP_): links, neighbours and forwarding entries, addresses and routes of both families. */
export const EVENT_GROUPS = 0x1 | 0x4 | 0x10 | 0x40 | 0x100 | 0x400;

export const AddressFamily = { Ipv4: 2, Bridge: 7, Ipv6: 10 } as const;

export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A part of a datagram: a message's payload, an attribute's value. `view` covers the whole buffer. */
export interface Span {
  readonly view: DataView;
  readonly offset: number;
  readonly length: number;
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port of who asked; 0 for an event. */
  readonly port: number;
  readonly body: Span;
}

/** Every whole message of a datagram; `malformed` where a length did not fit: the rest is lost. */
export function readMessages(bytes: Uint8Array, length: number): { messages: NetlinkMessage[]; malformed: boolean } {
  const messages: NetlinkMessage[] = [];
  const end = Math.min(length, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  let at = 0;
  while (end - at >= NLMSG_HEADER_BYTES) {
    const messageLength = view.getUint32(at, LITTLE_ENDIAN);
    if (messageLength < NLMSG_HEADER_BYTES || messageLength > end - at) return { messages, malformed: true };
    messages.push({
      type: view.getUint16(at + 4, LITTLE_ENDIAN),
      flags: view.getUint16(at + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(at + 8, LITTLE_ENDIAN),
      port: view.getUint32(at + 12, LITTLE_ENDIAN),
      body: { view, offset: at + NLMSG_HEADER_BYTES, length: messageLength - NLMSG_HEADER_BYTES },
    });
    at += align(messageLength);
  }
  return { messages, malformed: at < end };
}

/** The attributes of `span` from its byte `from` on, by number (the last of equals); undefined where a length does not fit. */
export function readAttributes(span: Span, from = 0): Map<number, Span> | undefined {
  const attributes = new Map<number, Span>();
  const { view } = span;
  const end = span.offset + span.length;
  let at = span.offset + from;
  while (end - at >= ATTRIBUTE_HEADER_BYTES) {
    const length = view.getUint16(at, LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER_BYTES || length > end - at) return undefined;
    const type = view.getUint16(at + 2, LITTLE_ENDIAN) & ATTRIBUTE_TYPE_MASK;
    attributes.set(type, { view, offset: at + ATTRIBUTE_HEADER_BYTES, length: length - ATTRIBUTE_HEADER_BYTES });
    at += align(length);
  }
  return at >= end ? attributes : undefined;
}

/** Unsigned 32 bits, or `absent` where the attribute is not there or of another size. */
export function readU32(span: Span | undefined, absent: number): number {
  return span === undefined || span.length < 4 ? absent : span.view.getUint32(span.offset, LITTLE_ENDIAN);
}

/** Text up to its first zero byte; names of interfaces are any bytes. */
export function readText(span: Span | undefined): string {
  if (span === undefined) return "";
  const bytes = new Uint8Array(span.view.buffer, span.view.byteOffset + span.offset, span.length);
  const zero = bytes.indexOf(0);
  return Buffer.from(zero < 0 ? bytes : bytes.subarray(0, zero)).toString("utf8");
}

/** Bytes as hexadecimal text: a hardware address, "" where it is not there. */
export function readHex(span: Span | undefined): string {
  if (span === undefined) return "";
  return Buffer.from(new Uint8Array(span.view.buffer, span.view.byteOffset + span.offset, span.length)).toString("hex");
}

/** An address as four signed big-endian words, IPv4 mapped; undefined where its length is neither 4 nor 16. */
export function readAddress(span: Span | undefined): Int32Array | undefined {
  if (span === undefined) return undefined;
  if (span.length === 4) return Int32Array.of(0, 0, 0xffff, span.view.getInt32(span.offset));
  if (span.length !== 16) return undefined;
  return Int32Array.from({ length: 4 }, (_, word) => span.view.getInt32(span.offset + 4 * word));
}

/** A request for everything of a kind: the header, then `bodyBytes` zero bytes that begin with the family. */
export function dumpRequest(type: number, family: number, bodyBytes: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(NLMSG_HEADER_BYTES + align(bodyBytes));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, LITTLE_ENDIAN);
  view.setUint16(4, type, LITTLE_ENDIAN);
  view.setUint16(6, MessageFlag.Request | MessageFlag.Dump, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  bytes[NLMSG_HEADER_BYTES] = family;
  return bytes;
}

/** The same with one attribute of 32 bits. */
export function dumpRequestWith(type: number, bodyBytes: number, sequence: number, attribute: number, value: number): Uint8Array {
  const plain = dumpRequest(type, 0, bodyBytes, sequence);
  const bytes = new Uint8Array(plain.length + ATTRIBUTE_HEADER_BYTES + 4);
  bytes.set(plain);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, LITTLE_ENDIAN);
  view.setUint16(plain.length, ATTRIBUTE_HEADER_BYTES + 4, LITTLE_ENDIAN);
  view.setUint16(plain.length + 2, attribute, LITTLE_ENDIAN);
  view.setInt32(plain.length + ATTRIBUTE_HEADER_BYTES, value, LITTLE_ENDIAN);
  return bytes;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
