/**
 * What the operator knows of each sensor: a few numbers, from its reports and from the heartbeat in its SensorNode.
 *
 * **Invariant:** a sensor is fresh only while something of it was heard within three heartbeats, by this process's own
 * clock; what it has taken over never goes back within a session; its size is bounded by nodes, whatever they say.
 *
 * It must not know policies, FlowResets or how a report arrives.
 */
export { revisionOf, SHOWN_WITHIN_MS } from "./revision.ts";
export { Roster, MAX_SENSORS, STALE_AFTER_MS, type Heartbeat, type Heard, type Sensor, type SensorFailure } from "./roster.ts";
