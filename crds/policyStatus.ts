/** Status of both policy kinds: written by the operator alone; counts, never one entry a node. */
import { z } from "zod";
import { atomic, conditions, count, message, observedGeneration, time } from "./kubernetesFields.ts";
import { MAX_FAILURES } from "./limits.ts";

export const nodeFailure = z.strictObject({
  node: z.string().max(253).describe("Name of the node."),
  message: message.describe("What its sensor could not do, and the field that is to blame."),
});

export const failures = atomic(z.array(nodeFailure).max(MAX_FAILURES));

export const policyStatus = z.strictObject({
  observedGeneration: observedGeneration.optional(),
  conditions: conditions.optional(),
  sensors: z
    .strictObject({
      desired: count.describe("Sensors with a fresh heartbeat that the policy selects."),
      ready: count.describe("Of these, how many have loaded this generation."),
      failed: count.describe("Of these, how many could not load a part of it."),
      notSelected: count.describe("Sensors that the policy does not select."),
      stale: count.optional().describe("Selected sensors that have been silent for three heartbeats; they do not count as desired."),
    })
    .optional()
    .describe("How far the policy has reached."),
  failures: failures.optional().describe("Sensors that could not load the policy, ten at most; sensors.failed counts all."),
  counters: z
    .strictObject({
      detections: count.describe("Findings of the policy's rules. While nothing is reset, a connection between two nodes counts at each that has a subject of the policy."),
      wouldReset: count.describe("Connections that would have been reset, had the policy been allowed to; counted like detections."),
      reset: count.describe("Connections that were reset or refused."),
      confirmed: count.describe("Of these, how many were proved dead at both ends."),
      suppressed: count.describe("Findings that a guard held back: a protected endpoint, an exemption, a budget."),
      lastResetTime: time.optional().describe("When a connection was last reset."),
    })
    .optional()
    .describe("What the policy has done, over all nodes and since it was made."),
});

export type NodeFailure = z.output<typeof nodeFailure>;
export type PolicyStatus = z.output<typeof policyStatus>;
