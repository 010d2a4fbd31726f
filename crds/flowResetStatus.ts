/** Status of both FlowReset kinds: written by the operator alone, once a phase change. */
import { z } from "zod";
import { atomic, conditions, count, message, observedGeneration, reasonWord, time } from "./kubernetesFields.ts";
import { MAX_FLOWS_IN_STATUS } from "./limits.ts";

export const FLOW_RESET_PHASES = ["Pending", "Active", "Succeeded", "Failed", "Expired"] as const;

/** Phases in which nothing more is done. Sensors watch the others by the selectable field `.status.phase`. */
export const FINISHED_PHASES = ["Succeeded", "Failed", "Expired"] as const;

/** How a flow that a FlowReset matched ended, or why it was left alone (see sensor/inject and sensor/decide). */
export const FLOW_OUTCOMES = ["Confirmed", "Unconfirmed", "Evaded", "Failed", "WouldReset", "Suppressed"] as const;

export const flowOutcome = z.enum(FLOW_OUTCOMES);

/** "10.244.1.7:43122", or "[2001:db8::7]:443". */
export const endpointText = z.string().max(64);

/** "shop/web-0". */
export const podText = z.string().max(320);

const flowInStatus = z.strictObject({
  node: z.string().max(253).describe("Name of the node whose sensor acted."),
  client: endpointText.describe("Address and port of the side that opened the connection."),
  server: endpointText.describe("Address and port of the side that was called."),
  clientPod: podText.optional().describe("Pod of the client, as namespace/name, where it is known."),
  serverPod: podText.optional().describe("Pod of the server, as namespace/name, where it is known."),
  outcome: flowOutcome.describe("Confirmed: both ends proved dead. Unconfirmed: silence, which proves nothing. Evaded: it lives on. Failed, WouldReset and Suppressed: see reason."),
  reason: reasonWord.optional().describe("Why, in one word."),
  latency: z.string().max(32).optional().describe("From the decision to the first RST on the wire, such as 0.4ms."),
});

export const flowResetStatus = z.strictObject({
  observedGeneration: observedGeneration.optional(),
  phase: z.enum(FLOW_RESET_PHASES).optional().describe("Pending, Active (sensors look for flows, or hold), then one of Succeeded, Failed and Expired."),
  startTime: time.optional().describe("When the first sensor, or the operator, took the FlowReset up."),
  holdUntilTime: time.optional().describe("Until when new connections are refused as well."),
  completionTime: time.optional().describe("When it finished; ttlSecondsAfterFinished counts from here."),
  conditions: conditions.optional(),
  summary: z
    .strictObject({
      matched: count.describe("Connections that matched, each counted once however many nodes saw it."),
      reset: count.describe("Of these, how many were reset or refused."),
      confirmed: count.describe("How many were proved dead at both ends."),
      unconfirmed: count.describe("How many gave no proof, nor any sign of life."),
      evaded: count.describe("How many live on."),
      failed: count.describe("How many could not be reset."),
      wouldReset: count.describe("How many would have been reset, but for dryRun or the emergency stop."),
      suppressed: count.describe("How many were left alone: a protected endpoint, another tenant's."),
    })
    .optional()
    .describe("What became of the connections that matched."),
  sensors: z
    .strictObject({
      asked: count.describe("Sensors whose answer was waited for."),
      answered: count.describe("How many of these have looked."),
    })
    .optional()
    .describe("How far the FlowReset has reached."),
  flows: atomic(z.array(flowInStatus).max(MAX_FLOWS_IN_STATUS)).optional().describe("The first ten connections; summary counts all."),
  message: message.optional().describe("What happened, in a sentence."),
});

export type FlowResetPhase = (typeof FLOW_RESET_PHASES)[number];
export type FlowOutcome = z.output<typeof flowOutcome>;
export type FlowInStatus = z.output<typeof flowInStatus>;
export type FlowResetStatus = z.output<typeof flowResetStatus>;
