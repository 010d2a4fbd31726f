/** FlowReset (one namespace) and ClusterFlowReset: cut these connections now, and keep them cut for `hold`. */
import { z } from "zod";
import { cidr, ipAddress } from "./cidr.ts";
import { checkedText } from "./checkedText.ts";
import { API_VERSION } from "./group.ts";
import { isEmptySelector, labelSelector } from "./labelSelector.ts";
import { MAX_FLOWS_OF_RESET, MAX_REASON_LENGTH, MAX_TTL_SECONDS } from "./limits.ts";
import { metadata } from "./metadata.ts";
import { flowResetStatus } from "./flowResetStatus.ts";
import { portNumber } from "./portRange.ts";
import { hold, resetTarget } from "./responsePolicy.ts";
import { parseCidr } from "./values/mod.ts";

const flowEndpoint = z
  .strictObject({
    ip: ipAddress.optional(),
    cidr: cidr.optional(),
    podSelector: labelSelector.optional(),
    port: portNumber.optional(),
  })
  .superRefine((endpoint, context) => {
    const given = (["ip", "cidr", "podSelector"] as const).filter((name) => endpoint[name] !== undefined);
    if (given.length > 1) context.addIssue({ code: "custom", message: `Cannot choose an endpoint in several ways, expected one of ip, cidr, podSelector: current fields are ${given.join(", ")}` });
  });

export type FlowEndpoint = z.output<typeof flowEndpoint>;

const sni = checkedText({
  noun: "a server name",
  expected: "one such as www.example.com, *.example.com or *",
  maxLength: 253,
  pattern: /^(\*|(\*\.)?[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?)$/,
});

/** Shortest prefix that names few enough hosts to stand alone. */
const SELECTIVE_PREFIX = { 4: 24, 6: 64 } as const;

/** Whether an endpoint alone names few enough flows: an address, a narrow CIDR or some pods; a port is not enough. */
function isSelective(endpoint: FlowEndpoint | undefined): boolean {
  if (endpoint === undefined) return false;
  if (endpoint.ip !== undefined) return true;
  if (endpoint.podSelector !== undefined) return !isEmptySelector(endpoint.podSelector);
  const network = endpoint.cidr === undefined ? undefined : parseCidr(endpoint.cidr);
  return network !== undefined && network.prefix >= SELECTIVE_PREFIX[network.family];
}

const flowMatch = z
  .strictObject({
    client: flowEndpoint.optional(),
    server: flowEndpoint.optional(),
    sni: sni.optional(),
  })
  .superRefine(({ client, server }, context) => {
    if (isSelective(client) || isSelective(server)) return;
    context.addIssue({
      code: "custom",
      message:
        "Cannot reset what is not named closely, expected a client or server with an ip, a cidr of /24 (IPv4) or /64 (IPv6) or longer, or a podSelector that is not empty",
      input: { client, server },
    });
  });

export const flowResetSpec = z.strictObject({
  match: flowMatch,
  target: resetTarget.default("Both"),
  hold,
  /** More flows than this and none is reset. */
  maxFlows: z.int().min(1).max(MAX_FLOWS_OF_RESET).default(100),
  dryRun: z.boolean().default(false),
  reason: z.string().max(MAX_REASON_LENGTH).default(""),
  ttlSecondsAfterFinished: z.int().min(0).max(MAX_TTL_SECONDS).default(86_400),
});

export const flowReset = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("FlowReset"),
  metadata,
  spec: flowResetSpec,
  status: flowResetStatus.optional(),
});

export const clusterFlowReset = z.strictObject({ ...flowReset.shape, kind: z.literal("ClusterFlowReset") });

export type FlowResetSpec = z.output<typeof flowResetSpec>;
export type FlowReset = z.output<typeof flowReset>;
export type ClusterFlowReset = z.output<typeof clusterFlowReset>;
