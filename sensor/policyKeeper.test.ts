import { expect, it } from "vitest";
import { objects, reset } from "./decide/objects.fixture.ts";
import { PolicyKeeper } from "./policyKeeper.ts";

const [kill] = objects(reset("{client: {ip: 10.0.0.1}}"));

function keeperOf(withheld: readonly { file: string; kinds: readonly ["SensorSettings" | "ResponsePolicy"] }[]): PolicyKeeper {
  const keeper = new PolicyKeeper({ protectedConnections: [], protectedPorts: [] });
  keeper.take({ objects: [], withheld: withheld.map(({ file, kinds }) => ({ file, kinds: [...kinds] })) });
  return keeper;
}

it("runs no FlowReset where settings cannot be read: it would cut what they protect", () => {
  const { compiled, notes } = keeperOf([{ file: "SensorFleet default", kinds: ["SensorSettings"] }]).compileReset(kill!);
  expect([compiled.flowResetCount, notes.map(({ severity, message }) => [severity, message])]).toEqual([0, [["Error", "Cannot reset anything while the settings cannot be read: what must be spared is not known"]]]);
});

it("runs a FlowReset where a policy alone cannot be read, and as soon as the settings can", () => {
  const keeper = keeperOf([{ file: "p.yaml", kinds: ["ResponsePolicy"] }]);
  expect(keeper.compileReset(kill!).compiled.flowResetCount).toBe(1);
  const mended = keeperOf([{ file: "s.yaml", kinds: ["SensorSettings"] }]);
  mended.take({ objects: [], withheld: [] });
  expect(mended.compileReset(kill!).compiled.flowResetCount).toBe(1);
});
