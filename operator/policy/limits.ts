/** Named limits of this room. */

/** Deliveries of policies' status changes to sensors, a second, over all policies. */
export const DELIVERIES_PER_SECOND = 1_000;
/** The same of what somebody waits for, a thousand new policies say: about half a processor of an API server. */
export const URGENT_DELIVERIES_PER_SECOND = 5_000;
/** So much of it may come at once after a quiet time. */
export const BURST_MS = 2_000;
/** A policy's counts are written no oftener than this, in however small a cluster. */
export const SHORTEST_INTERVAL_MS = 10_000;
/** Sensors that load a new generation do so one after the other: their progress is looked at together. */
export const PROGRESS_MS = 300;
/** Most policies are loaded everywhere by then, and the sensors' own spread: it is not said before that they are not. */
export const LOADING_UNSAID_MS = 2_000;
/** After the start of a leader, sensors tell their counters anew; until then a status is not believed to be behind. */
export const SETTLE_MS = 60_000;

export const MAX_FAILURES_NAMED = 10;
/** Parts of a policy that are not supported yet, named in its condition. */
export const MAX_NOTES = 3;
/** Counters that are kept apart, sensors times policies; beyond it they are left out and counted. */
export const MAX_COUNTER_PAIRS = 500_000;
/** Incidents of one report that become Events. */
export const MAX_INCIDENTS = 32;
/** Pods asked for at one time, so that incidents never take more of the operator's connections. */
export const MAX_POD_LOOKUPS = 2;
/** Incidents that wait for their pod; beyond it pods get no Event, and it is counted. */
export const MAX_INCIDENTS_WAITING = 1_000;
/** Pods whose node is remembered. */
export const MAX_PODS_KNOWN = 4_096;
