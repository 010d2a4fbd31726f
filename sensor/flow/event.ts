/** What one packet did to its flow: `FlowTracker.event` holds the bits after each `update`. */
export const FlowEvent = {
  /** The packet made the record. */
  Created: 1 << 0,
  /** The handshake is complete with this packet. */
  Established: 1 << 1,
  /** Both FINs acknowledged, an exact RST, or an ICMP error about the SYN. */
  Closed: 1 << 2,
  /** Another connection took over the tuple: same slot, new generation. `onEvict` has been called for the old one. */
  NewConnection: 1 << 3,
  SynSeen: 1 << 4,
  SynAckSeen: 1 << 5,
  /** The contiguous stream of the side grew. */
  Data: 1 << 6,
  /** Nothing in the segment was new. */
  Retransmission: 1 << 7,
  OutOfOrder: 1 << 8,
  /** Bytes of some side are known to be missing: its stream goes on behind them. */
  Gap: 1 << 9,
  /** A RST that its receiver obeys. */
  RstExact: 1 << 10,
  /** A RST that its receiver ignores or answers with a challenge ACK; it changes nothing. */
  RstInexact: 1 << 11,
  /** The FIN of the side came in order. */
  Fin: 1 << 12,
  /** Outside what the receiver accepts; it changes nothing. */
  OutOfWindow: 1 << 13,
  /** The packet was (or will be) counted at another interface; it changes nothing. */
  Copy: 1 << 14,
  /** The interface is not the sender's own; it changes nothing. */
  Spoofed: 1 << 15,
  /** An ACK without data that acknowledges nothing new: as a challenge ACK or an answer to a keep-alive. */
  DuplicateAck: 1 << 16,
  /** A SYN with another initial sequence number on a live tuple: a new connection if it is answered. */
  SynPending: 1 << 17,
  /** The side acknowledged more than before. */
  AckAdvanced: 1 << 18,
  /** The receiver may drop the segment; it counts once that side acknowledges it. */
  Doubtful: 1 << 19,
  /** An exact RST was seen before and the connection lives on all the same. */
  Reopened: 1 << 20,
  /** It acknowledges bytes that nobody saw sent. */
  AckUnseen: 1 << 21,
  /** The connection's other tuple (NAT) is known from here on: see `twins.ts`. */
  TwinMet: 1 << 22,
  /** The side was seen at an interface where it was not before (Created tells of the first one). */
  Placed: 1 << 23,
} as const;

/** Why a packet did not make or move a flow: index into `FlowTracker.refused`. */
export const FlowRefusal = {
  NotTcp: 0,
  /** No record, and the packet is none that makes one. */
  RstWithoutFlow: 1,
  /** SYN with FIN or RST, neither ACK nor SYN. */
  BadFlags: 2,
  /** Every flow near the heads is being killed. */
  TableFull: 3,
  Spoofed: 4,
  Copy: 5,
  OutOfWindow: 6,
  RstInexact: 7,
  /** Behind the FIN of its sender. */
  AfterFin: 8,
  /** A SYN-ACK that answers nothing. */
  BadSynAck: 9,
  /** An ICMP error about no connection that is being opened, or not on its way to whoever opens it. */
  Unreachable: 10,
} as const;

export const FLOW_REFUSALS = 11;

const REFUSAL_NAMES = Object.keys(FlowRefusal);

/** The name in `FlowRefusal`. */
export function flowRefusalName(refusal: number): string {
  return REFUSAL_NAMES[refusal] ?? `Unknown${refusal}`;
}

/** Why a record was given up: index into `FlowTracker.evicted`. */
export const FlowEviction = {
  /** Silent too long, by Worth (six of them). */
  Expired: 0,
  /** Gave way to a new flow, by Worth. */
  Pressure: 6,
  /** Another connection took over the tuple. */
  Replaced: 12,
} as const;

export const FLOW_EVICTIONS = 13;

const WORTH_NAMES = ["Closed", "SynSent", "SynReceived", "OneWay", "Closing", "Established"];

/** The name in `Worth`. */
export function flowWorthName(worth: number): string {
  return WORTH_NAMES[worth] ?? `Unknown${worth}`;
}

/** Such as `PressureSynSent`. */
export function flowEvictionName(eviction: number): string {
  if (eviction >= FlowEviction.Replaced) return "Replaced";
  return `${eviction < FlowEviction.Pressure ? "Expired" : "Pressure"}${WORTH_NAMES[eviction % 6]}`;
}
