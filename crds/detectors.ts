/** What a rule looks for. A rule has one detector or several; all must fire on the same flow. */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { cidrs } from "./cidr.ts";
import { atomic, setOf } from "./kubernetesFields.ts";
import { MAX_SIGNATURES, MAX_SIGNATURE_LENGTH, MAX_SIGNATURE_SETS } from "./limits.ts";
import { objectName } from "./metadata.ts";
import { portRanges } from "./portRange.ts";
import { obeying, unless } from "./rule.ts";
import { RESERVED_DETECTORS } from "./values/mod.ts";

const endpoint = z.strictObject({
  cidrs: cidrs.default([]).describe("Its address is in one of these. Empty is any."),
  ports: portRanges.default([]).describe('Its TCP port is one of these, such as "443" or "8000-8999". Empty is any.'),
});

const connectionDetector = z.strictObject({
  phase: z
    .enum(["Handshake", "Established"])
    .default("Handshake")
    .describe("Handshake fires at the SYN, so that the connection is refused. Established fires when the handshake is complete, so that it is reset."),
  client: endpoint.prefault({}).describe("The side that sends the SYN."),
  server: endpoint.prefault({}).describe("The side that is called."),
});

const signatureText = checkedText({
  noun: "a signature",
  expected: "the text of one Suricata rule",
  maxLength: MAX_SIGNATURE_LENGTH,
  pattern: /[!-~]/,
});

const signatureDetector = obeying(
  z.strictObject({
    // The language itself is read by sensor/detect; errors in it are told object by object.
    rules: atomic(z.array(signatureText).max(MAX_SIGNATURES)).default([]).describe("Rules in Suricata's language, one an entry; the detector fires when any one of them does."),
    signatureSetRefs: setOf(z.array(objectName).max(MAX_SIGNATURE_SETS))
      .default([])
      .describe("Names of SignatureSets whose rules count as well. Not supported yet: the rules beside it count alone, and a detector without any never fires."),
  }),
  {
    message: "Cannot match an empty signature detector, expected rules",
    cel: "self.rules.size() + self.signatureSetRefs.size() > 0",
    broken: ({ rules, signatureSetRefs }) => unless(rules.length + signatureSetRefs.length > 0, { current: "count is 0" }),
  },
);

/** Any fields: what they will be is not known yet. See unsupported.ts. */
function reserved(purpose: string) {
  return z.looseObject({}).optional().describe(`${purpose}. Not supported yet: a rule that has it never fires.`);
}

export const DETECTORS = ["connection", "signature", ...RESERVED_DETECTORS] as const;

export const detectorFields = {
  connection: connectionDetector.optional().describe("Fires on a connection by its two ends, whatever is said in it."),
  signature: signatureDetector.optional().describe("Fires on content in the reassembled streams, at the first byte that completes a match."),
  indicators: reserved("Fires on addresses, names and hashes of a threat feed"),
  dataLoss: reserved("Fires on sensitive data that leaves"),
  exfiltration: reserved("Fires on unusual amounts that leave"),
  beacon: reserved("Fires on connections that return like clockwork"),
  scan: reserved("Fires on a client that tries many addresses or ports"),
  bruteForce: reserved("Fires on a client that tries many passwords"),
  anomaly: reserved("Fires on what differs from what was learnt"),
  restrictedZone: reserved("Fires on a crossing between zones that nobody allowed"),
};

export type ConnectionDetector = z.output<typeof connectionDetector>;
export type SignatureDetector = z.output<typeof signatureDetector>;
