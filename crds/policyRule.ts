/** One rule of a policy: which flows (peers, ports, direction) and what must be seen in them (detectors). */
import { z } from "zod";
import { DETECTORS, detectorFields } from "./detectors.ts";
import { labelName } from "./metadata.ts";
import { peers } from "./peers.ts";
import { portRanges } from "./portRange.ts";
import { obeying, unless } from "./rule.ts";

export const policyRule = obeying(
  z.strictObject({
    name: labelName.describe("Name of the rule, its own within the policy: events, metrics and logs carry it."),
    peers: peers.prefault({}).describe("The far end, seen from the subject. Parts that are given must all hold."),
    ports: portRanges.default([]).describe('TCP ports of the server, such as "443" or "8000-8999". Empty is any.'),
    direction: z.enum(["Inbound", "Outbound", "Any"]).default("Any").describe("Seen from the subject: Inbound where the peer opened the connection, Outbound where the subject did."),
    ...detectorFields,
  }),
  {
    message: `Cannot use a rule without a detector, expected one or more of ${DETECTORS.join(", ")}`,
    cel: `[${DETECTORS.map((name) => `has(self.${name})`).join(", ")}].exists(given, given)`,
    broken: (rule) => unless(DETECTORS.some((name) => rule[name] !== undefined), { current: "count is 0" }),
  },
);

export type PolicyRule = z.output<typeof policyRule>;
