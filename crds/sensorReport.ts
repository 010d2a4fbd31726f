/** What a sensor says of itself, by the report stream (`stream/`) and in its SensorNode alike. */
import { z } from "zod";
import { endpointText, flowOutcome, podText } from "./flowResetStatus.ts";
import { atomic, count, message, reasonWord, time } from "./kubernetesFields.ts";

const resourceVersion = z.string().max(64);

export const observedVersions = {
  policies: resourceVersion.describe("Every change of policies up to this resource version is compiled and in force."),
  flowResets: resourceVersion.describe("Every FlowReset up to this resource version has been looked at and acted on."),
  fleet: resourceVersion.describe("The SensorFleet is followed up to this resource version."),
};

export const coverageFields = {
  interfaces: count.describe("Interfaces that are looked at."),
  halfBlind: count.describe("Interfaces of which one direction alone is seen, as under eBPF host routing."),
  pods: count.describe("Pods of the node that have an address of their own."),
  podsUnseen: count.describe("Of these, pods whose interface is not known."),
};

export const enforcementState = z
  .enum(["Enabled", "Stopped", "ObserveOnly"])
  .describe("Enabled, Stopped (by hand on the node), or ObserveOnly (the SensorFleet says so, or the policy is too old).");

/** Kinds of which a sensor reports. */
export const REPORTED_KINDS = ["ResponsePolicy", "ClusterResponsePolicy", "FlowReset", "ClusterFlowReset"] as const;

export const objectReference = {
  kind: z.enum(REPORTED_KINDS).describe("Kind of the object."),
  namespace: z.string().max(63).describe("Namespace of the object; empty for a cluster kind."),
  name: z.string().max(253).describe("Name of the object."),
  uid: z.string().max(64).describe("metadata.uid: an object of the same name made later is another."),
};

export const flowResult = z.object({
  connection: z.string().max(32).describe('The two initial sequence numbers, the lower first, as "a b": by them two sensors know the same connection. Empty where unknown.'),
  client: endpointText.describe("Address and port of the side that opened the connection."),
  server: endpointText.describe("Address and port of the side that was called."),
  clientPod: podText.optional().describe("Pod of the client, as namespace/name."),
  serverPod: podText.optional().describe("Pod of the server, as namespace/name."),
  outcome: flowOutcome.describe("How it ended, or Suppressed where a guard held the reset back."),
  reason: reasonWord.describe("Why, in one word."),
  rsts: count.describe("Forged RSTs that left."),
  latencyMicroseconds: count.describe("From the decision to the first RST on the wire; 0 where none left."),
  actor: z.enum(["first", "second"]).describe("second: a sensor that acts only where the first did not."),
});

/** The result of one FlowReset on one node. */
export function resetReport(maxFlows: number) {
  return {
    ...objectReference,
    phase: z.enum(["Active", "Done", "Failed"]).describe("Active while it holds; Done when the sensor is through with it; Failed where it refused to begin."),
    reason: reasonWord.optional().describe("Why, in one word, such as TooManyFlows."),
    message: message.optional().describe("Why, in a sentence."),
    matched: count.describe("Connections on this node that matched."),
    flows: atomic(z.array(flowResult).max(maxFlows)).describe("What became of each."),
    startedAt: time.describe("When the sensor took it up."),
    finishedAt: time.optional().describe("When the sensor was through with it."),
  };
}

export type FlowResult = z.output<typeof flowResult>;
