/**
 * The flow record: 60 words (240 bytes) of one Int32Array a flow, so that a flow is four cache lines and the
 * table is one allocation. Float64 fields are two words, seen through a Float64Array on the same buffer at an
 * even word offset (`offset >> 1`). Side 0 is the initiator (who sent the SYN, or is inferred to have), side 1
 * the responder. All sequence numbers are signed words: see decode/seqnum.ts.
 */

export const FLOW_WORDS = 60;

/** Word offsets inside a record. */
export const Field = {
  /** Four words each, as in Packet: IPv4 is mapped. */
  InitiatorAddress: 0,
  ResponderAddress: 4,
  /** initiator port << 16 | responder port. */
  Ports: 8,
  Hash: 9,
  /** FlowState. */
  State: 10,
  /** FlowFlag bits. */
  Flags: 11,
  /** Neighbours in the list of the flow's worth, as slot + 1; 0 for none. See `expiry.ts`. */
  LruPrevious: 12,
  LruNext: 13,
  /** Float64: milliseconds. */
  CreatedMs: 14,
  /** Float64: milliseconds. */
  LastSeenMs: 16,
  /** Index of the kill that works on this flow, -1 for none. Owned by inject. */
  Kill: 18,
  /** Changes with every re-use of the slot: (slot, generation) names a connection for ever. */
  Generation: 19,
  /** Automaton states of detect, one a side; 0 at the start. Owned by detect. */
  DetectState0: 20,
  DetectState1: 21,
  /** Slot of the same connection's other tuple (NAT), -1 for none; see `twins.ts`. */
  Twin: 22,
  /** Handle of detect's partial matches, -1 for none. Owned by detect. */
  DetectMatch: 23,
  /** First word of the block of side 0; side 1 follows at + SIDE_WORDS. */
  Sides: 24,
} as const;

export const SIDE_WORDS = 18;

/** Word offsets inside a side's block. "Sent by this side" throughout. */
export const SideField = {
  /** Initial sequence number; valid with FlowFlag.Isn0 << side. */
  Isn: 0,
  /** One past the last byte of the contiguous stream: what the peer's RCV.NXT is. Valid with FlowFlag.Next0 << side. */
  Next: 1,
  /** The highest sequence end seen, beyond any gap. */
  Highest: 2,
  /**
   * The last acknowledgement number sent: the peer's SND.UNA. Valid with FlowFlag.Acked0 << side. Where it is
   * after the peer's `Highest` nobody has seen those bytes sent, and `Next` does not believe it yet.
   */
  Acknowledged: 3,
  /** Receive window last offered, in bytes (scaled where the scale is known). */
  WindowBytes: 4,
  /** Interface whose copy of this side's packets counts; 0 while none was seen. */
  Tap: 5,
  /** First 12 bytes of this side's Ethernet frames at its tap: destination MAC, source MAC; big-endian words. */
  Macs: 6,
  /** TapInfo bits; the VLAN TCI of the frame at the tap in the low 16 (0xffff for none). */
  TapInfo: 9,
  /** Float64: payload bytes, each counted once. */
  Bytes: 10,
  Packets: 12,
  /**
   * TTL last believed in the low byte, window scale + 1 in the second (0 unknown), IP TOS in the third, a lower TTL
   * that is not believed yet in the fourth (0 for none).
   */
  IpInfo: 13,
  /** Sequence number of the FIN with FlowFlag.Fin0 << side, else of the RST with FlowFlag.Rst0 << side. */
  FinSequence: 14,
  /** Handle of the reassembly queue of this side's bytes, -1 for none. Owned by flow. */
  Reassembly: 15,
  /** The peer's TS.Recent (RFC 7323): the timestamp against which PAWS judges; 0 while none was seen. */
  TimestampRecent: 16,
  /** The highest right edge of the receive window that this side ever offered, as a sequence number of its peer. */
  WindowEdge: 17,
} as const;

/**
 * A packet whose TTL is lower by this or more may die on its way to the receiver: a decoy (Ptacek and Newsham 1998,
 * insertion).
 */
export const TTL_DROP = 5;

/** Bits of SideField.TapInfo above the VLAN TCI. */
export const TapInfo = {
  VlanMask: 0xffff,
  NoVlan: 0xffff,
  /** PacketDirection at the tap: three bits from here. */
  DirectionShift: 16,
  DirectionMask: 7 << 16,
  /** The frame has no link-layer header (tun, wg, raw): SideField.Macs means nothing. */
  NoLinkHeader: 1 << 19,
  /** Copies elsewhere that were ahead of the tap: four bits, internal to `taps.ts`. */
  AheadShift: 20,
  AheadMask: 15 << 20,
  /** The outer tag is a service tag (TPID 0x88a8). */
  ServiceTag: 1 << 24,
  /** A second tag follows; it is not kept. */
  InnerTag: 1 << 25,
  /** The packet came in a tunnel: the frame at the tap is the tunnel's. */
  Tunnel: 1 << 26,
  /** The tap is the receiver's own interface: nothing that shows there is lost on its way for want of TTL. */
  AtReceiver: 1 << 27,
  /** The tap is of an earlier connection on this tuple: nothing of this one was seen there yet. */
  Inherited: 1 << 28,
} as const;

export const FlowState = {
  Free: 0,
  /** A SYN was seen and no answer. */
  SynSent: 1,
  /** A SYN-ACK was seen. */
  SynReceived: 2,
  /** The handshake is complete, or the flow was first seen in the middle. */
  Established: 3,
  /** One side has sent a FIN. */
  Closing: 4,
  /** Both FINs acknowledged, an exact RST seen, or an ICMP error about the SYN: kept for a short while to know late packets. */
  Closed: 5,
} as const;

/** Pairs `X0`, `X1`: use `X0 << side`. */
export const FlowFlag = {
  Isn0: 1 << 0,
  Isn1: 1 << 1,
  Next0: 1 << 2,
  Next1: 1 << 3,
  Acked0: 1 << 4,
  Acked1: 1 << 5,
  Fin0: 1 << 6,
  Fin1: 1 << 7,
  /** An exact RST sent by that side was seen (never one of our own). */
  Rst0: 1 << 8,
  Rst1: 1 << 9,
  /** That side's acknowledgements advanced at least twice: it is alive even when only it is seen. */
  AckAdvanced0: 1 << 10,
  AckAdvanced1: 1 << 11,
  /** First seen after the handshake. */
  Midstream: 1 << 12,
  /** Which side is the initiator was inferred. */
  Inferred: 1 << 13,
  Mptcp: 1 << 14,
  /** TCP-MD5 or TCP-AO seen. */
  Authenticated: 1 << 15,
  /** Two interfaces claimed the same side: never reset by detection. */
  Contested: 1 << 16,
  /** Detect wants this side's bytes; cleared when nothing can match any more. */
  Inspect0: 1 << 17,
  Inspect1: 1 << 18,
  /** Bytes of that side are missing (capture gap): its stream was resynchronised. */
  Gap0: 1 << 19,
  Gap1: 1 << 20,
  /** The stream carried different bytes for the same place. */
  Ambiguous0: 1 << 21,
  Ambiguous1: 1 << 22,
  /** Timestamps (RFC 7323) negotiated. */
  Timestamps: 1 << 23,
  /** SACK negotiated. */
  Sack: 1 << 24,
  /** IPv4 addresses. */
  Ipv4: 1 << 25,
  /** That side's ACK count: one advance seen (internal to flow). */
  AckOnce0: 1 << 26,
  AckOnce1: 1 << 27,
  /** decide has looked at this flow in the handshake / once established (the `connection` detector). */
  SeenHandshake: 1 << 28,
  SeenEstablished: 1 << 29,
  /** Both sides were seen, each acknowledging what the other sent. */
  BothWays: 1 << 30,
  /** Seen to carry several parties (HTTP/2 streams, PROXY, a broker): set by inspect, asked by decide. */
  ManyParties: 1 << 31,
} as const;
