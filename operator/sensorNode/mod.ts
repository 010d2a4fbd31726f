/**
 * SensorNodes: the heartbeat of each sensor, and what it means that there is none.
 *
 * **Invariant:** the object belongs to its sensor; the operator changes one condition of it, and only while the sensor is
 * silent, and deletes it when its Node is gone.
 *
 * It must not know policies or fleets.
 */
export { SensorNodeController, type SensorNodeControllerOptions } from "./controller.ts";
export { sensorNodeFacts, type SensorNodeFacts } from "./facts.ts";
