/** What a rule looks for. A rule has one detector or several; all must fire on the same flow. */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { cidrs } from "./cidr.ts";
import { MAX_SIGNATURES, MAX_SIGNATURE_LENGTH, MAX_SIGNATURE_SETS } from "./limits.ts";
import { objectName } from "./metadata.ts";
import { portRanges } from "./portRange.ts";
import { RESERVED_DETECTORS } from "./values/mod.ts";

const endpoint = z.strictObject({
  /** Empty is any address, or any port. */
  cidrs: cidrs.default([]),
  ports: portRanges.default([]),
});

/** A connection by its two ends: the client is the side that sent the SYN. */
const connectionDetector = z.strictObject({
  /** Handshake fires at the SYN and refuses; Established fires when the handshake is complete and resets. */
  phase: z.enum(["Handshake", "Established"]).default("Handshake"),
  client: endpoint.prefault({}),
  server: endpoint.prefault({}),
});

const signatureText = checkedText({
  noun: "a signature",
  expected: "the text of one Suricata rule",
  maxLength: MAX_SIGNATURE_LENGTH,
  pattern: /\S/,
});

/** Content in the reassembled streams, in Suricata's rule language; fires when any one of its rules does. */
const signatureDetector = z
  .strictObject({
    /** The language itself is read by sensor/detect; errors in it are told object by object. */
    rules: z.array(signatureText).max(MAX_SIGNATURES).default([]),
    signatureSetRefs: z.array(objectName).max(MAX_SIGNATURE_SETS).default([]),
  })
  .superRefine(({ rules, signatureSetRefs }, context) => {
    if (rules.length + signatureSetRefs.length > 0) return;
    context.addIssue({ code: "custom", message: "Cannot match an empty signature detector, expected rules: current count is 0" });
  });

/** Reserved: any fields, see unsupported.ts. */
const reservedDetector = z.looseObject({}).optional();

export const DETECTORS = ["connection", "signature", ...RESERVED_DETECTORS] as const;

export const detectorFields = {
  connection: connectionDetector.optional(),
  signature: signatureDetector.optional(),
  indicators: reservedDetector,
  dataLoss: reservedDetector,
  exfiltration: reservedDetector,
  beacon: reservedDetector,
  scan: reservedDetector,
  bruteForce: reservedDetector,
  anomaly: reservedDetector,
  restrictedZone: reservedDetector,
};

export type ConnectionDetector = z.output<typeof connectionDetector>;
export type SignatureDetector = z.output<typeof signatureDetector>;
