/** Whole packets that are not TCP: UDP, tunnels and fragments, for tests and for fuzzing. */
import { buildFragmentHeader, ExtensionHeader } from "./ipv6Extensions.ts";
import { buildNetwork, networkLength, NetworkSpec } from "./networkSpec.ts";
import { Protocol } from "./packet.ts";
import { buildUdp, UDP_HEADER_BYTES } from "./udp.ts";

const EMPTY = new Uint8Array(0);

export class DatagramSpec extends NetworkSpec {
  sourcePort = 0;
  destinationPort = 0;
  withChecksum = true;
  payload: Uint8Array = EMPTY;
}

/** Writes a UDP packet at `offset`; returns its length, or 0 where it does not fit (nothing is written). */
export function buildDatagram(out: Uint8Array, offset: number, spec: DatagramSpec): number {
  const udpLength = UDP_HEADER_BYTES + spec.payload.length;
  if (networkLength(spec) + udpLength > out.length - offset) return 0;
  const headers = buildNetwork(out, offset, spec, Protocol.Udp, udpLength);
  return headers + buildUdp(out, offset + headers, spec, spec);
}

/** Writes any IP packet around `payload` (GRE, IP in IP, ICMP, ...); returns its length, or 0 where it does not fit. */
export function buildIpPacket(
  out: Uint8Array,
  offset: number,
  spec: NetworkSpec,
  protocol: number,
  payload: Uint8Array,
): number {
  if (networkLength(spec) + payload.length > out.length - offset) return 0;
  const headers = buildNetwork(out, offset, spec, protocol, payload.length);
  out.set(payload, offset + headers);
  return headers + payload.length;
}

/**
 * One packet that carries bytes [first, end) of the IP payload `payload` as a fragment with `id`. `first` is a
 * multiple of eight. Allocates: for tests and the lab.
 */
export function buildFragment(
  spec: NetworkSpec,
  protocol: number,
  payload: Uint8Array,
  first: number,
  end: number,
  moreFragments: boolean,
  id: number,
): Uint8Array {
  const piece = payload.subarray(first, end);
  const one: NetworkSpec = Object.assign(new NetworkSpec(), spec);
  let next = protocol;
  let body = piece;
  if (spec.ipVersion === 4) {
    one.ipId = id;
    one.dontFragment = false;
    one.fragmentOffset = first;
    one.moreFragments = moreFragments;
  } else {
    body = new Uint8Array(8 + piece.length);
    buildFragmentHeader(body, 0, protocol, first, moreFragments, id);
    body.set(piece, 8);
    next = ExtensionHeader.Fragment;
  }
  const out = new Uint8Array(networkLength(one) + body.length);
  buildIpPacket(out, 0, one, next, body);
  return out;
}

