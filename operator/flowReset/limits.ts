/** Named limits of this room. */

/** How long sensors that were asked have to look, beyond what they spread their answers over (sensor/cluster/answerTurn). */
export const ANSWER_WAIT_MS = 5_000;
/** The same for a FlowReset that is older than this leader: its sensors may still look for the leader. */
export const TAKEOVER_WAIT_MS = 30_000;
/**
 * A FlowReset that is over sooner than this is written once, not twice: each write goes to every node. One without a hold
 * may take as long as all sensors spread their answers over.
 */
export const ACTIVE_AFTER_MS = 300;
/** A running FlowReset's status is brought up to date no oftener than this. */
export const REFRESH_MS = 10_000;
/** A sensor that has begun is through with it by then (beyond the hold). */
export const RESULT_WAIT_MS = 60_000;
/** Nobody looked: a sensor that comes back acts on it until then, or until its hold would have ended. */
export const OBJECT_MAX_AGE_MS = 300_000;
/** Results that come late amend a finished FlowReset for so long. */
export const AMEND_MS = 600_000;

/** Connections of one FlowReset that are kept one by one; beyond it they are counted. */
export const MAX_JOINED_FLOWS = 1_000;
/** FlowResets whose results are kept; those of objects that nobody has seen go first. */
export const MAX_BOOKED_RESETS = 20_000;
/** Connections of all FlowResets together that are kept one by one, 60 MB; beyond it they are counted. */
export const MAX_BOOKED_FLOWS = 100_000;
/** Of them those of one sensor: who took it over cannot fill the book alone. */
export const MAX_BOOKED_FLOWS_OF_NODE = 20_000;
/** FlowResets that one sensor may speak of and that the API server does not show. */
export const MAX_UNKNOWN_OF_NODE = 64;
/** A report may come before the object does, but not much. */
export const UNKNOWN_KEPT_MS = 60_000;
/** Pods that a selector may choose before all sensors are asked instead. */
export const MAX_SELECTED_PODS = 500;
/** Sensors named in a message. */
export const MAX_NAMED = 3;
/** Pods that get an Event of their own for one FlowReset. */
export const MAX_POD_EVENTS = 10;
