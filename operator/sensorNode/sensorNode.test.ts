import { describe, expect, it } from "vitest";
import { sensorNodeFacts } from "./facts.ts";
import { planSensorNode } from "./plan.ts";

describe("a SensorNode", () => {
  for (const [what, step, input] of [
    ["of a sensor that is heard", undefined, { ready: "True", hasNode: true, isFresh: true }],
    ["of a sensor that says itself that it is not ready", undefined, { ready: "False", hasNode: true, isFresh: true }],
    ["of a silent sensor that said it was ready", "SayStale", { ready: "True", hasNode: true, isFresh: false }],
    ["of a silent sensor that said it was not", "SayStale", { ready: "False", hasNode: true, isFresh: false }],
    ["of which it was said already", undefined, { ready: "Unknown", hasNode: true, isFresh: false }],
    ["whose Node is gone", "Delete", { ready: "True", hasNode: false, isFresh: true }],
    ["that is gone, with its Node there", undefined, { ready: undefined, hasNode: true, isFresh: true }],
    ["of a silent sensor that no fleet would have any longer", "Retire", { ready: "Unknown", hasNode: true, isWanted: false, isFresh: false }],
    ["of a sensor that no fleet would have any longer and that is still heard", undefined, { ready: "True", hasNode: true, isWanted: false, isFresh: true }],
    ["that is gone, of a silent sensor that no fleet would have any longer", "Forget", { ready: undefined, hasNode: true, isWanted: false, isFresh: false }],
    ["that is gone, as its Node is", "Forget", { ready: undefined, hasNode: false, isFresh: false }],
  ] as const) {
    it(`${what}: ${step ?? "nothing"}`, () => expect(planSensorNode({ isWanted: true, ...input })).toBe(step));
  }

  it("of whatever version is read without an exception", () => {
    const facts = (status: unknown) => sensorNodeFacts({ apiVersion: "flowreset.io/v1alpha1", kind: "SensorNode", metadata: { name: "n1" }, status });
    for (const hostile of [undefined, null, {}, { conditions: "x", unreported: 7, missingRights: {} }]) expect(facts(hostile)).toMatchObject({ ready: "", unreported: 0, missingRights: [] });
  });
});
