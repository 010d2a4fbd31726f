/** One rule of a policy: which flows (peers, ports, direction) and what must be seen in them (detectors). */
import { z } from "zod";
import { DETECTORS, detectorFields } from "./detectors.ts";
import { labelName } from "./metadata.ts";
import { peers } from "./peers.ts";
import { portRanges } from "./portRange.ts";

export const policyRule = z
  .strictObject({
    name: labelName,
    peers: peers.prefault({}),
    /** The server's port; empty is any. */
    ports: portRanges.default([]),
    /** Seen from the subject: Inbound where the peer is the client. */
    direction: z.enum(["Inbound", "Outbound", "Any"]).default("Any"),
    ...detectorFields,
  })
  .superRefine((rule, context) => {
    if (DETECTORS.some((name) => rule[name] !== undefined)) return;
    context.addIssue({ code: "custom", message: `Cannot use a rule without a detector, expected one or more of ${DETECTORS.join(", ")}: current count is 0` });
  });

export type PolicyRule = z.output<typeof policyRule>;
