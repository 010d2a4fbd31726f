/**
 * The SensorFleet that the chart's values describe: Helm cannot install a kind and an object of that kind in one step, so
 * the chart writes a ConfigMap (data.name, data.spec as JSON) and the leader makes the fleet of it.
 *
 * **Invariant:** a fleet that somebody else made is never touched; a field that the values do not name is never written,
 * and the values are applied once each time they change: the emergency stop outlives an upgrade and a restart.
 *
 * It must not know what a fleet is for: the API server says whether a spec is valid.
 */
export { DefaultFleet, type DefaultFleetOptions } from "./defaultFleet.ts";
export { MADE_OF_LABEL } from "./plan.ts";
