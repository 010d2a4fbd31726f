import { expect, it } from "vitest";
import { Detector, DetectPhase } from "./detector.ts";
import { HandMadeFlows, latin1 } from "./flows.fixture.ts";
import { STEPS_PER_TENANT_AND_SLICE, STEP_SLICE_MS } from "./limits.ts";
import { build } from "./rules.fixture.ts";
import { StepBudget } from "./stepBudget.ts";

it("stops one tenant's work for the rest of the slice, and nobody else's", () => {
  const budget = new StepBudget();
  budget.refill(1_000);
  for (let step = 0; step < STEPS_PER_TENANT_AND_SLICE; step++) expect(budget.take(1)).toBe(true);
  expect([budget.take(1), budget.take(2), budget.take(0)]).toEqual([false, true, true]);
  budget.refill(1_000 + STEP_SLICE_MS - 1);
  expect(budget.take(1)).toBe(false);
  budget.refill(1_000 + STEP_SLICE_MS);
  expect(budget.take(1)).toBe(true);
  expect(budget.throttled).toBe(2);
});

it("lets a neighbour's signature fire while another's match everywhere", () => {
  const flows = new HandMadeFlows(8);
  const greedy = { tenant: 1, ports: ["81"], signatures: Array.from("abcdefgh", (letter) => `content:"${letter}";`) };
  const detector = new Detector(flows, build([greedy, { tenant: 2, signatures: ['content:"EVIL";'] }]));
  detector.steps.refill(0);
  const busy = flows.add({ serverPort: 81 });
  detector.onFlow(busy, DetectPhase.Established, 0);
  // What has fired fires no more; its hits go on costing.
  const bytes = latin1("abcdefgh");
  for (let segment = 0; segment < STEPS_PER_TENANT_AND_SLICE / 8 + 10; segment++) detector.onBytes(busy, 0, bytes, 0, bytes.length);
  expect(detector.steps.throttled).toBeGreaterThan(0);
  detector.count = 0;
  const quiet = flows.add();
  detector.onFlow(quiet, DetectPhase.Established, 0);
  detector.onBytes(quiet, 0, latin1("EVIL"), 0, 4);
  expect(detector.findings.slice(0, detector.count).map(({ rule }) => rule)).toEqual([1]);
});
