/** What the tests of this room share: frames from annotated hex or from a spec, and decode in one call. */
import { DecodeContext } from "./context.ts";
import { decode } from "./decode.ts";
import { finish, sum } from "./checksum.ts";
import { write16 } from "./bigEndian.ts";
import { Frame, Packet } from "./packet.ts";
import { decodeReasonName } from "./reason.ts";
import { buildSegment, segmentLength, SegmentSpec } from "./segment.ts";
import { buildIpPacket } from "./datagram.ts";
import { networkLength, NetworkSpec } from "./networkSpec.ts";
import { parseAddress } from "./address.ts";

/** Bytes of hex text; what stands behind `//` on a line is a comment. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/\/\/.*$/gm, "").replace(/\s+/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function frameOf(bytes: Uint8Array, overrides: Partial<Frame> = {}): Frame {
  const frame = new Frame();
  return Object.assign(frame, { bytes, capturedLength: bytes.length, wireLength: bytes.length, ...overrides });
}

export interface Decoded {
  reason: string;
  packet: Packet;
  context: DecodeContext;
}

export function decodeBytes(
  bytes: Uint8Array,
  overrides: Partial<Frame> = {},
  context: DecodeContext = new DecodeContext(),
): Decoded {
  const packet = new Packet();
  return { reason: decodeReasonName(decode(frameOf(bytes, overrides), packet, context)), packet, context };
}

/** Sets both addresses and the IP version of a spec. */
export function between<Spec extends NetworkSpec>(spec: Spec, source: string, destination: string): Spec {
  const from = parseAddress(source)!;
  const to = parseAddress(destination)!;
  spec.ipVersion = source.includes(":") ? 6 : 4;
  [spec.source0, spec.source1, spec.source2, spec.source3] = from as unknown as [number, number, number, number];
  [spec.destination0, spec.destination1, spec.destination2, spec.destination3] = to as unknown as [
    number,
    number,
    number,
    number,
  ];
  return spec;
}

/** A segment of "hello" from 10.0.0.1:40000 to 10.0.0.2:80 (or from 2001:db8::1), changed as told. */
export function segmentSpec(overrides: Partial<SegmentSpec> = {}): SegmentSpec {
  const spec = new SegmentSpec();
  if (overrides.ipVersion === 6) between(spec, "2001:db8::1", "2001:db8::2");
  else between(spec, "10.0.0.1", "10.0.0.2");
  spec.macs0 = 0x02000000;
  spec.macs1 = 0x00020200;
  spec.macs2 = 0x00000001;
  spec.sourcePort = 40_000;
  spec.destinationPort = 80;
  spec.sequence = 1000;
  spec.acknowledgement = 2000;
  spec.flags = 0x18;
  spec.window = 512;
  spec.payload = new TextEncoder().encode("hello");
  return Object.assign(spec, overrides);
}

export function segment(overrides: Partial<SegmentSpec> = {}): Uint8Array {
  const spec = segmentSpec(overrides);
  const out = new Uint8Array(segmentLength(spec));
  buildSegment(out, 0, spec);
  return out;
}

/** An IP packet of `protocol` around `payload`. */
export function ipPacket(protocol: number, payload: Uint8Array, overrides: Partial<NetworkSpec> = {}): Uint8Array {
  const spec = new NetworkSpec();
  if (overrides.ipVersion === 6) between(spec, "2001:db8::a", "2001:db8::b");
  else between(spec, "192.0.2.1", "192.0.2.2");
  Object.assign(spec, overrides);
  const out = new Uint8Array(networkLength(spec) + payload.length);
  buildIpPacket(out, 0, spec, protocol, payload);
  return out;
}

/** A copy with `bytes` written at `offset`, and the checksum of the IPv4 header at `ipv4Offset` made right again. */
export function patched(original: Uint8Array, offset: number, bytes: readonly number[], ipv4Offset = -1): Uint8Array {
  const copy = original.slice();
  copy.set(bytes, offset);
  if (ipv4Offset !== -1) {
    const headerBytes = Math.min((copy[ipv4Offset]! & 15) * 4, copy.length - ipv4Offset);
    write16(copy, ipv4Offset + 10, 0);
    write16(copy, ipv4Offset + 10, finish(sum(copy, ipv4Offset, headerBytes, 0)));
  }
  return copy;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
