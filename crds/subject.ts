/** Whose traffic a policy is about. Parts that are given must all hold; none at all is any traffic. */
import { z } from "zod";
import { cidrs } from "./cidr.ts";
import { interfacePattern } from "./interfaceName.ts";
import { setOf } from "./kubernetesFields.ts";
import { labelSelector } from "./labelSelector.ts";
import { MAX_INTERFACES, MAX_SERVICE_ACCOUNTS } from "./limits.ts";
import { objectName } from "./metadata.ts";

const CLUSTER_ONLY = "ClusterResponsePolicy only.";

export const subject = z.strictObject({
  podSelector: labelSelector.optional().describe("Pods with such labels; of a ResponsePolicy, pods of its own namespace. Left out, all of them."),
  serviceAccounts: setOf(z.array(objectName).min(1).max(MAX_SERVICE_ACCOUNTS))
    .optional()
    .describe("Pods that run as a service account of one of these names, in their own namespace."),
  namespaceSelector: labelSelector.optional().describe(`Pods of namespaces with such labels. ${CLUSTER_ONLY}`),
  nodeTraffic: z.boolean().optional().describe(`Connections of the nodes themselves, and of pods in the nodes' own network. ${CLUSTER_ONLY}`),
  nodeSelector: labelSelector.optional().describe(`Traffic on nodes with such labels; other nodes do not load the policy. ${CLUSTER_ONLY}`),
  cidrs: cidrs.default([]).describe("One end of the flow has an address in one of these; that end is the subject, the other the peer. Empty is any."),
  interfaces: setOf(z.array(interfacePattern).max(MAX_INTERFACES))
    .default([])
    .describe(`The flow is seen at such an interface of the node: a name, or a glob such as veth*. Empty is any. ${CLUSTER_ONLY}`),
});

export type Subject = z.output<typeof subject>;
