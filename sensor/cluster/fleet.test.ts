import { expect, it } from "vitest";
import { Fleet } from "./fleet.ts";

const fleet = (generation: number, spec: object) => ({ apiVersion: "flowreset.io/v1alpha1", kind: "SensorFleet", metadata: { name: "default", uid: "u", generation }, spec });

it("gives what a standalone sensor reads from a file, and nothing before it was read", () => {
  const read = new Fleet("default");
  expect(read.settings()).toBeUndefined();
  read.take(fleet(1, { protectedEndpoints: [{ cidr: "192.0.2.1/32" }], maxPolicyAge: "2h" }));
  expect(read.settings()).toMatchObject({ kind: "SensorSettings", object: { spec: { protectedEndpoints: [{ cidr: "192.0.2.1/32" }], budgets: { connectionsPerMinute: 600 } } } });
  expect(read.maxPolicyAgeMs).toBe(7_200_000);
});

it.each<[string, object[], boolean]>([
  ["is on when the fleet says so", [{ enforcement: "ObserveOnly" }], true],
  ["is on though the rest cannot be read", [{ enforcement: "ObserveOnly", maxPolicyAge: "soon" }], true],
  ["stays on while nobody can read whether it ended", [{ enforcement: "ObserveOnly" }, { enforcement: "Enabled", maxPolicyAge: "soon" }], true],
  ["ends when the fleet says so", [{ enforcement: "ObserveOnly" }, {}], false],
  ["is off by default", [{}], false],
])("the emergency stop %s", (_, specs, expected) => {
  const read = new Fleet("default");
  specs.forEach((spec, index) => read.take(fleet(index + 1, spec)));
  expect(read.isObserveOnly).toBe(expected);
});

it("keeps the last good settings while the fleet is broken", () => {
  const read = new Fleet("default");
  read.take(fleet(1, { managementPorts: ["22"] }));
  read.take(fleet(2, { managementPorts: ["ssh"] }));
  expect(read.settings()?.object.spec).toMatchObject({ managementPorts: ["22"] });
  expect(read.failures()).toMatchObject([{ kind: "SensorFleet", generation: 2 }]);
});
