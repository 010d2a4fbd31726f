/** A whole TCP packet, from the link header to the last payload byte: what inject sends. */
import { buildNetwork, networkLength, NetworkSpec } from "./networkSpec.ts";
import { Protocol } from "./packet.ts";
import { buildTcp, MAX_TCP_OPTION_BYTES, tcpLength } from "./tcp.ts";

const EMPTY = new Uint8Array(0);

export class SegmentSpec extends NetworkSpec {
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  acknowledgement = 0;
  /** TcpFlag bits. */
  flags = 0;
  window = 0;
  urgentPointer = 0;
  /** Raw option bytes, 40 at most (TcpOptionWriter). A forged RST has none. */
  options: Uint8Array = EMPTY;
  payload: Uint8Array = EMPTY;
}

export function segmentLength(spec: SegmentSpec): number {
  return networkLength(spec) + tcpLength(spec);
}

/** Writes the packet with right checksums at `offset`; returns its length, or 0 where it does not fit (nothing is written). */
export function buildSegment(out: Uint8Array, offset: number, spec: SegmentSpec): number {
  const length = segmentLength(spec);
  if (length > out.length - offset || spec.options.length > MAX_TCP_OPTION_BYTES) return 0;
  const headers = buildNetwork(out, offset, spec, Protocol.Tcp, tcpLength(spec));
  return headers + buildTcp(out, offset + headers, spec, spec);
}
