/** The far end of a flow, seen from the subject. Parts that are given must all hold. */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { cidrs } from "./cidr.ts";
import { setOf } from "./kubernetesFields.ts";
import { labelSelector } from "./labelSelector.ts";
import { MAX_FQDNS } from "./limits.ts";

/** A host name, or one with a leading "*." that stands for one or more labels. */
export const hostPattern = checkedText({
  noun: "a host name",
  expected: "one such as api.example.com or *.example.com",
  maxLength: 253,
  pattern: /^(\*\.)?[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?)*$/,
});

/** Reserved parts: see unsupported.ts. */
const RESERVED = "Not supported yet: a rule that names it never fires.";

export const peers = z.strictObject({
  cidrs: cidrs.default([]).describe("The peer's address is in one of these. Empty is any address."),
  except: cidrs.default([]).describe("The peer's address is in none of these, whatever cidrs and scope say."),
  scope: z
    .enum(["Any", "External", "Internal"])
    .default("Any")
    .describe("Internal: the peer's address is in internalCidrs of the SensorFleet, the private ranges unless told. External: it is not."),
  podSelector: labelSelector.optional().describe(`The peer is a pod with such labels. ${RESERVED}`),
  namespaceSelector: labelSelector.optional().describe(`The peer is a pod of a namespace with such labels. ${RESERVED}`),
  fqdns: setOf(z.array(hostPattern).max(MAX_FQDNS)).optional().describe(`The peer's address was resolved from one of these names; a leading *. stands for any labels before it. ${RESERVED}`),
});

export type Peers = z.output<typeof peers>;
