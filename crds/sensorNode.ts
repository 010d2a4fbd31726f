/** SensorNode: what the sensor of one node says of itself. The only object that a sensor writes, once a minute at most. */
import { z } from "zod";
import { API_VERSION } from "./group.ts";
import { atomic, conditions, count, observedGeneration, time } from "./kubernetesFields.ts";
import { MAX_MISSING_RIGHTS, MAX_UNREPORTED } from "./limits.ts";
import { metadata, objectName } from "./metadata.ts";
import { coverageFields, enforcementState, observedVersions, resetReport } from "./sensorReport.ts";

export const sensorNodeSpec = z.strictObject({
  fleet: objectName.describe("Name of the SensorFleet that put the sensor there."),
});

/** Flows of one unreported result that are kept; the report stream carries up to 100. */
const MAX_UNREPORTED_FLOWS = 10;

export const sensorNodeStatus = z.strictObject({
  observedGeneration: observedGeneration.optional(),
  heartbeatTime: time.optional().describe("When the sensor last wrote this. Silent for three heartbeats it is stale."),
  version: z.string().max(64).optional().describe("Version of the sensor."),
  session: z.string().max(64).optional().describe("A random name that each start of the sensor takes; counters begin anew with it."),
  conditions: conditions.optional().describe("Ready (it sees packets and has a policy), Coverage (it sees both directions of every pod), PolicyFresh (its policy is not too old), ApiServerReachable."),
  observed: z.strictObject(observedVersions).optional().describe("How far the sensor has followed the API server's objects, as resource versions."),
  policies: z
    .strictObject({
      loaded: count.describe("Policies that it has loaded whole."),
      failed: count.describe("Policies of which it could not load a part."),
    })
    .optional()
    .describe("The policies of which the sensor knows."),
  capture: z
    .strictObject({
      packets: count.describe("Packets seen since the sensor started."),
      lost: count.describe("Packets that the kernel dropped because the sensor was too slow."),
      ...coverageFields,
    })
    .optional()
    .describe("What the sensor sees."),
  enforcement: enforcementState.optional(),
  gap: z
    .strictObject({
      pods: count.describe("Pods whose first packet came before their identity did."),
      medianMilliseconds: count.describe("Half of them were known so soon after it."),
      maximumMilliseconds: count.describe("The slowest of them."),
      revisitedFlows: count.describe("Connections that were judged again when their pod became known."),
    })
    .optional()
    .describe("How long new pods were seen before it was known who they are."),
  unreported: atomic(z.array(z.strictObject(resetReport(MAX_UNREPORTED_FLOWS))).max(MAX_UNREPORTED))
    .optional()
    .describe("Results of FlowResets that the operator could not be told; it reads them here when it is back."),
  missingRights: atomic(z.array(z.string().max(256)).max(MAX_MISSING_RIGHTS))
    .optional()
    .describe('What the API server does not allow the sensor, as "watch pods" or "patch sensornodes.flowreset.io/status".'),
});

export const sensorNode = z
  .strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal("SensorNode"),
    metadata,
    spec: sensorNodeSpec.describe("Whose sensor it is."),
    status: sensorNodeStatus.optional().describe("What the sensor sees and knows. Written by the sensor; where that is silent the operator makes Ready Unknown."),
  })
  .describe("SensorNode is what the sensor of one node says of itself. It has the node's name, and goes with it. The sensor writes it; people do not.");

export type SensorNodeSpec = z.output<typeof sensorNodeSpec>;
export type SensorNodeStatus = z.output<typeof sensorNodeStatus>;
export type SensorNode = z.output<typeof sensorNode>;
