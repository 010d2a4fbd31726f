/** ResponsePolicy (one namespace) and ClusterResponsePolicy: what to detect in whose traffic, and what to do then. */
import { z } from "zod";
import { cidrs } from "./cidr.ts";
import { confidence, severity } from "./confidence.ts";
import { duration } from "./duration.ts";
import { celMatchesEverything, matchesEverything } from "./emptyMatch.ts";
import { API_VERSION } from "./group.ts";
import { atomic, listMap, setOf } from "./kubernetesFields.ts";
import { MAX_EXEMPTED_CIDRS, MAX_EXEMPTIONS, MAX_REASON_LENGTH, MAX_RULES, MAX_TAGS, MAX_TAG_LENGTH } from "./limits.ts";
import { metadata } from "./metadata.ts";
import { policyRule } from "./policyRule.ts";
import { policyStatus } from "./policyStatus.ts";
import { obeying } from "./rule.ts";
import { subject } from "./subject.ts";

export const resetTarget = z.enum(["Client", "Server", "Both"]);

export const hold = duration("0s", "24h").default("0s");

const reset = z.strictObject({
  target: resetTarget.default("Both").describe("Which end gets the RSTs. One end alone may leave the other waiting."),
  hold: hold.describe("How long new connections of the same client, server and port are refused as well, such as 60s. 0s: not at all."),
  minConfidence: confidence.default("High").describe("Findings of which the detector is less sure are counted, and nothing is reset."),
  allowShared: z.boolean().default(false).describe("Also reset a connection that carries several parties: HTTP/2 with several streams, a proxy's, a message broker's. Not supported yet: no connection is seen to carry several, and none is spared."),
});

const respond = z.strictObject({
  reset: reset.prefault({}).describe("How a connection is cut."),
  evidence: z
    .strictObject({
      packets: z.int().min(0).max(4096).default(0).describe("Packets of the flow to keep as pcapng. Not supported yet: none are kept."),
    })
    .prefault({})
    .describe("What is kept of the flow around a reset."),
});

const limits = z.strictObject({
  connectionsPerMinutePerNode: z.int().min(1).max(100_000).default(60).describe("Connections that the policy may reset in a minute on each node. What comes above is counted, and reset as the budget refills beyond half, where it lives on."),
  rstPacketsPerConnection: z.int().min(1).max(4096).default(64).describe("RSTs that are spent on one connection at most."),
});

const exemption = z.strictObject({
  cidrs: cidrs.min(1).max(MAX_EXEMPTED_CIDRS).describe("Addresses that are left alone, at either end."),
  reason: z.string().max(MAX_REASON_LENGTH).default("").describe("Why, for whoever reads it later."),
});

export const responsePolicySpec = obeying(
  z.strictObject({
    mode: z.enum(["Observe", "Enforce"]).default("Observe").describe("Observe counts what Enforce would reset, by the same way and with the same counters, and injects nothing."),
    severity: severity.default("Medium").describe("How bad a finding is. Event lines carry it."),
    tags: setOf(z.array(z.string().min(1).max(MAX_TAG_LENGTH)).max(MAX_TAGS)).default([]).describe("Words that event lines carry, such as attack.t1190."),
    subject: subject.prefault({}).describe("Whose traffic the policy is about. Parts that are given must all hold; none at all is all the traffic that the policy may see."),
    rules: listMap(z.array(policyRule).min(1).max(MAX_RULES), "name").describe("What to detect. A flow that any one of the rules fires on is a finding. A rule has one or more detectors, all of which must fire on the same flow."),
    respond: respond.prefault({}).describe("What to do with a finding."),
    limits: limits.prefault({}).describe("How much the policy may do."),
    exempt: atomic(z.array(exemption).max(MAX_EXEMPTIONS)).default([]).describe("Whom the policy leaves alone. Exemptions of a ClusterResponsePolicy count for every policy."),
  }),
  {
    message: "Cannot enforce a rule that matches every connection, expected a subject, peers, ports, or the cidrs or ports of the client or server",
    cel: `self.mode != 'Enforce' || !self.rules.exists(rule, ${celMatchesEverything("self.subject", "rule")})`,
    fieldPath: ".rules",
    broken: ({ mode, subject: whose, rules: list }) =>
      mode === "Enforce" ? list.flatMap((rule, index) => (matchesEverything(whose, rule) ? [{ path: ["rules", index], current: `rule is ${rule.name}` }] : [])) : [],
  },
);

export const responsePolicy = z
  .strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal("ResponsePolicy"),
    metadata,
    spec: responsePolicySpec.describe("What to detect, in whose traffic, and what to do then."),
    status: policyStatus.optional().describe("How far the policy has reached and what it has done. Written by the operator."),
  })
  .describe("ResponsePolicy detects attacks in the traffic of its namespace's pods and, with mode Enforce, resets exactly the connections that carry them.");

export const clusterResponsePolicy = z
  .strictObject({ ...responsePolicy.shape, kind: z.literal("ClusterResponsePolicy") })
  .describe("ClusterResponsePolicy detects attacks in the traffic of any pod or node and, with mode Enforce, resets exactly the connections that carry them. Its exemptions count for every policy.");

export type ResponsePolicySpec = z.output<typeof responsePolicySpec>;
export type ResponsePolicy = z.output<typeof responsePolicy>;
export type ClusterResponsePolicy = z.output<typeof clusterResponsePolicy>;
