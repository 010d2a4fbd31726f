/**
 * The connection table: which packets are one connection, in which state it is, the exact next sequence number of
 * each side at every moment, and the contiguous bytes of each side as the receiving host sees them.
 *
 * **Invariant:** `Next` of a side is what the peer's RCV.NXT is, as far as the packets seen can tell. It grows over
 * contiguous bytes and over what the receiver acknowledged, never because of a packet that the receiver would drop.
 *
 * Memory is taken once; every table and queue has a limit in `limits.ts`, and what is refused is counted. The room
 * is pure: time comes in packets or as an argument. It does not know protocols above TCP, policies, or what a reset
 * is for; packets of our own are kept from it.
 */

export {
  FLOW_EVICTIONS,
  FLOW_REFUSALS,
  FlowEvent,
  FlowEviction,
  FlowRefusal,
  flowEvictionName,
  flowRefusalName,
  flowWorthName,
} from "./event.ts";
export { WORTHS } from "./expiry.ts";
export { DEFAULT_LIMITS, type FlowLimits, type FlowTimeouts } from "./limits.ts";
export { FLOW_WORDS, Field, FlowFlag, FlowState, SIDE_WORDS, SideField, TapInfo } from "./record.ts";
export { NULL_SINK, type StreamSink } from "./stream.ts";
export { FlowTable, type FlowTableOptions } from "./table.ts";
export { InterfaceKind, NO_HOMES, type Homes } from "./taps.ts";
export { FlowTracker, type FlowTrackerOptions } from "./tracker.ts";
export { twinFlip } from "./twins.ts";
