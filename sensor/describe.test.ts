import { expect, test } from "vitest";
import { FLOW_STATES } from "./control/mod.ts";
import { flowStateName } from "./describe.ts";
import { FlowState } from "./flow/mod.ts";

test("the states that people may ask for are those that a flow can be in", () => {
  const states = Object.values(FlowState).filter((state) => state !== FlowState.Free);
  expect(states.map(flowStateName)).toEqual([...FLOW_STATES]);
});
