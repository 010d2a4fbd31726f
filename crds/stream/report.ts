/** What a sensor posts. Unknown fields are dropped: either end may be the newer one. */
import { z } from "zod";
import { endpointText } from "../flowResetStatus.ts";
import { count, message, reasonWord, time } from "../kubernetesFields.ts";
import { coverageFields, enforcementState, objectReference, observedVersions, resetReport } from "../sensorReport.ts";
import { MAX_FLOWS_OF_REPORT, MAX_REPORTED_COUNTERS, MAX_REPORTED_FAILURES, MAX_REPORTED_INCIDENTS, MAX_REPORTED_RESETS } from "./limits.ts";

/** A policy that the sensor could not load wholly. */
const failureReport = z.object({ ...objectReference, generation: count, message });

/** Cumulative since the session's start: adding twice is impossible, a lost post loses nothing. */
const counterReport = z.object({ ...objectReference, detections: count, wouldReset: count, reset: count, confirmed: count, suppressed: count });

const pod = z.object({ namespace: z.string().max(63), name: z.string().max(253), uid: z.string().max(64) });

/** Findings of a rule that ended alike, for Events: aggregated, so that a storm is one entry with a count. */
const incidentReport = z.object({
  ...objectReference,
  rule: z.string().max(63),
  pod: pod.optional(),
  client: endpointText,
  server: endpointText,
  /** An outcome of sensor/inject or a verdict of sensor/decide. */
  outcome: reasonWord,
  reason: reasonWord,
  count: count.min(1),
  firstTime: time,
  lastTime: time,
});

/** What became of one FlowReset. */
export const reset = z.object(resetReport(MAX_FLOWS_OF_REPORT));

const health = z.object({
  enforcement: enforcementState,
  captureLossPackets: count,
  coverage: z.object(coverageFields),
  apiServer: z.enum(["Connected", "Lost"]),
});

export const report = z.object({
  node: z.string().min(1).max(253),
  fleet: z.string().max(253),
  /** Random, one a sensor's start: counters and sequence begin anew with it. */
  session: z.string().min(1).max(64),
  /** From 1, one more each post; a repeated post repeats it. */
  sequence: count,
  version: z.string().max(64),
  observed: z.object(observedVersions),
  /** The whole list; absent where it is as it was in the last acknowledged report. */
  failures: z.array(failureReport).max(MAX_REPORTED_FAILURES).optional(),
  /** Only those that changed since the last acknowledged report. */
  counters: z.array(counterReport).max(MAX_REPORTED_COUNTERS).default([]),
  resets: z.array(reset).max(MAX_REPORTED_RESETS).default([]),
  incidents: z.array(incidentReport).max(MAX_REPORTED_INCIDENTS).default([]),
  health,
});

export type Report = z.output<typeof report>;
export type FailureReport = z.output<typeof failureReport>;
export type CounterReport = z.output<typeof counterReport>;
export type ResetReport = Report["resets"][number];
export type IncidentReport = z.output<typeof incidentReport>;
export type SensorHealth = z.output<typeof health>;
