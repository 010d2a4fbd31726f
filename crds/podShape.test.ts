import { expect, it } from "vitest";
import { API_VERSION } from "./group.ts";
import { validate } from "./validate.ts";

const faultsOf = (spec: object) =>
  validate({ apiVersion: API_VERSION, kind: "SensorFleet", metadata: { name: "a" }, spec }, { standalone: false }).faults.map(({ path, message }) => `${path.join(".")}: ${message}`);

it.each([
  [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }, []],
  [{ key: "a", operator: "Exists", effect: "NoExecute" }, []],
  // An API server takes no pod with these: the fleet would be taken, and its sensors not.
  [{ key: "a", operator: "Exists", tolerationSeconds: 60 }, ["spec.tolerations.0.tolerationSeconds: Cannot count tolerationSeconds of a taint that evicts nobody, expected effect NoExecute: current value is 60"]],
  [{ key: "a", effect: "NoSchedule", tolerationSeconds: 0 }, ["spec.tolerations.0.tolerationSeconds: Cannot count tolerationSeconds of a taint that evicts nobody, expected effect NoExecute: current value is 0"]],
])("a toleration %j is taken as an API server takes a pod's", (toleration, faults) => {
  expect(faultsOf({ tolerations: [toleration] })).toEqual(faults);
});
