/** What this room holds at most, and how long it waits. */

/** Pods of one node that are followed; the kubelet's own limit is 110 unless told, and 250 to 500 on big nodes. */
export const MAX_PODS = 4_096;
export const MAX_NAMESPACES = 50_000;
/** Policies and FlowResets of a cluster that one sensor takes. */
export const MAX_OBJECTS = 50_000;
/** Objects whose faults are told. */
export const MAX_FAILURES = 100;
/** FlowResets whose uid is remembered as acted on; the oldest is forgotten first. */
export const MAX_ACTED = 10_000;
/** Clients and servers that FlowResets hold and a sensor that starts again goes on holding; the oldest is forgotten first. */
export const MAX_HELD_ENDS = 2_048;
/** Bytes of the state kept on the node's disk. */
export const MAX_STATE_BYTES = 64 << 20;
/** A FlowReset without hold is for the connections of its time: an older one is not acted on. */
export const OBJECT_MAX_AGE_MS = 5 * 60_000;
/** How much two machines' clocks may differ before an object counts as old. */
export const CLOCK_TOLERANCE_MS = 10_000;

export const POLICY_QUIET_MS = 250;
export const POLICY_LONGEST_MS = 2_000;
export const POD_QUIET_MS = 20;
export const POD_LONGEST_MS = 50;
/** From a change to the state on disk. */
export const STATE_QUIET_MS = 1_000;
export const STATE_LONGEST_MS = 15_000;
/** The time of the last contact is written so often though nothing changes. */
export const STATE_TOUCH_MS = 5 * 60_000;
