/** ResponsePolicy (one namespace) and ClusterResponsePolicy: what to detect in whose traffic, and what to do then. */
import { z } from "zod";
import { cidrs } from "./cidr.ts";
import { confidence, severity } from "./confidence.ts";
import { duration } from "./duration.ts";
import { API_VERSION } from "./group.ts";
import { MAX_EXEMPTIONS, MAX_REASON_LENGTH, MAX_RULES, MAX_TAGS, MAX_TAG_LENGTH } from "./limits.ts";
import { matchesEverything } from "./emptyMatch.ts";
import { metadata } from "./metadata.ts";
import { policyRule } from "./policyRule.ts";
import { policyStatus } from "./policyStatus.ts";
import { subject } from "./subject.ts";

export const resetTarget = z.enum(["Client", "Server", "Both"]);

/** How long new connections of the same client, server and port are refused as well; 0s: not at all. */
export const hold = duration("0s", "24h").default("0s");

const respond = z.strictObject({
  reset: z
    .strictObject({
      target: resetTarget.default("Both"),
      hold,
      minConfidence: confidence.default("High"),
      /** Also reset a connection that carries several parties. */
      allowShared: z.boolean().default(false),
    })
    .prefault({}),
  evidence: z.strictObject({ packets: z.int().min(0).max(4096).default(0) }).prefault({}),
});

const limits = z.strictObject({
  connectionsPerMinutePerNode: z.int().min(1).max(100_000).default(60),
  rstPacketsPerConnection: z.int().min(1).max(4096).default(64),
});

const exemption = z.strictObject({
  cidrs: cidrs.min(1),
  reason: z.string().max(MAX_REASON_LENGTH).default(""),
});

export const responsePolicySpec = z
  .strictObject({
    mode: z.enum(["Observe", "Enforce"]).default("Observe"),
    severity: severity.default("Medium"),
    tags: z.array(z.string().min(1).max(MAX_TAG_LENGTH)).max(MAX_TAGS).default([]),
    subject: subject.prefault({}),
    rules: z
      .array(policyRule)
      .min(1)
      .max(MAX_RULES)
      .superRefine((rules, context) => {
        const seen = new Set<string>();
        rules.forEach(({ name }, index) => {
          if (seen.has(name)) context.addIssue({ code: "custom", path: [index, "name"], message: "Cannot use a rule's name twice, expected a name of its own", input: name });
          seen.add(name);
        });
      }),
    respond: respond.prefault({}),
    limits: limits.prefault({}),
    exempt: z.array(exemption).max(MAX_EXEMPTIONS).default([]),
  })
  .superRefine(({ mode, subject: whose, rules }, context) => {
    if (mode !== "Enforce") return;
    rules.forEach((rule, index) => {
      if (!matchesEverything(whose, rule)) return;
      context.addIssue({
        code: "custom",
        path: ["rules", index],
        message: `Cannot enforce a rule that matches every connection, expected a subject, peers, ports, or the cidrs or ports of the client or server: current rule is ${rule.name}`,
      });
    });
  });

export const responsePolicy = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("ResponsePolicy"),
  metadata,
  spec: responsePolicySpec,
  status: policyStatus.optional(),
});

export const clusterResponsePolicy = z.strictObject({ ...responsePolicy.shape, kind: z.literal("ClusterResponsePolicy") });

export type ResponsePolicySpec = z.output<typeof responsePolicySpec>;
export type ResponsePolicy = z.output<typeof responsePolicy>;
export type ClusterResponsePolicy = z.output<typeof clusterResponsePolicy>;
