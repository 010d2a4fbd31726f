/** Whose traffic a policy is about. Parts that are given must all hold; none at all is any traffic. */
import { z } from "zod";
import { cidrs } from "./cidr.ts";
import { interfacePattern } from "./interfaceName.ts";
import { labelSelector } from "./labelSelector.ts";
import { MAX_INTERFACES } from "./limits.ts";

export const subject = z.strictObject({
  podSelector: labelSelector.optional(),
  /** ClusterResponsePolicy only, as the two below it. */
  namespaceSelector: labelSelector.optional(),
  nodeTraffic: z.boolean().optional(),
  nodeSelector: labelSelector.optional(),
  /** One end of the flow has such an address; empty is any. That end is the subject, the other the peer. */
  cidrs: cidrs.default([]),
  /** The flow is seen at such an interface; empty is any. */
  interfaces: z.array(interfacePattern).max(MAX_INTERFACES).default([]),
});

export type Subject = z.output<typeof subject>;
