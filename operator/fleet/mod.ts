/**
 * SensorFleets: each is turned into a DaemonSet, and tells how its sensors are.
 *
 * **Invariant:** what a fleet says of its pods is so again a moment after somebody changed it; two fleets never start
 * sensors on one node: the younger waits, and says for which node. A sensor's pod has no capability but NET_RAW.
 *
 * It must not know policies or FlowResets.
 */
export { FleetController, type FleetControllerOptions } from "./controller.ts";
export { isWantedBy } from "./coverage.ts";
export { FLEET_LABEL, daemonSetName } from "./daemonSet.ts";
export { daemonSetFacts, fleetFacts, type DaemonSetFacts, type FleetFacts } from "./facts.ts";
