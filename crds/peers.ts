/** The far end of a flow, seen from the subject. Parts that are given must all hold. */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { cidrs } from "./cidr.ts";
import { labelSelector } from "./labelSelector.ts";
import { MAX_FQDNS } from "./limits.ts";

/** A host name, or one with a leading "*." that stands for one or more labels. */
export const hostPattern = checkedText({
  noun: "a host name",
  expected: "one such as api.example.com or *.example.com",
  maxLength: 253,
  pattern: /^(\*\.)?[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?)*$/,
});

export const peers = z.strictObject({
  /** Empty is any address. */
  cidrs: cidrs.default([]),
  /** Taken out of `cidrs` and `scope`. */
  except: cidrs.default([]),
  /** Internal is what the settings name as internal (private ranges unless told), External all else. */
  scope: z.enum(["Any", "External", "Internal"]).default("Any"),
  /** Reserved, as the two below it: see unsupported.ts. */
  podSelector: labelSelector.optional(),
  namespaceSelector: labelSelector.optional(),
  fqdns: z.array(hostPattern).max(MAX_FQDNS).optional(),
});

export type Peers = z.output<typeof peers>;
