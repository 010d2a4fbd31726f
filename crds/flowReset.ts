/** FlowReset (one namespace) and ClusterFlowReset: cut these connections now, and keep them cut for `hold`. */
import { z } from "zod";
import { checkedText } from "./checkedText.ts";
import { cidr, ipAddress } from "./cidr.ts";
import { flowResetStatus } from "./flowResetStatus.ts";
import { API_VERSION } from "./group.ts";
import { celIsEmptySelector, labelSelector } from "./labelSelector.ts";
import { MAX_FLOWS_OF_RESET, MAX_REASON_LENGTH, MAX_TTL_SECONDS } from "./limits.ts";
import { metadata } from "./metadata.ts";
import { portNumber } from "./portRange.ts";
import { hold, resetTarget } from "./responsePolicy.ts";
import { obeying, unless } from "./rule.ts";
import { isEmptySelector, parseCidr } from "./values/mod.ts";

const WAYS = ["ip", "cidr", "podSelector"] as const;

const flowEndpoint = obeying(
  z.strictObject({
    ip: ipAddress.optional().describe("Its address."),
    cidr: cidr.optional().describe("Its address is in this network."),
    podSelector: labelSelector.optional().describe("It is a pod with such labels; of a FlowReset, a pod of its own namespace."),
    port: portNumber.optional().describe("Its TCP port. Left out, any."),
  }),
  {
    message: `Cannot choose an endpoint in several ways, expected one of ${WAYS.join(", ")}`,
    cel: `[${WAYS.map((way) => `has(self.${way})`).join(", ")}].filter(given, given).size() <= 1`,
    broken: (endpoint) => {
      const given = WAYS.filter((way) => endpoint[way] !== undefined);
      return given.length > 1 ? [{ current: `fields are ${given.join(", ")}` }] : [];
    },
  },
);

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

/** isSelective() in CEL. */
function celIsSelective(endpoint: string): string {
  const network = `cidr(${endpoint}.cidr)`;
  const narrow = `${network}.prefixLength() >= (${network}.ip().family() == 4 ? ${SELECTIVE_PREFIX[4]} : ${SELECTIVE_PREFIX[6]})`;
  const ways = [
    `has(${endpoint}.ip)`,
    `(has(${endpoint}.podSelector) && !${celIsEmptySelector(`${endpoint}.podSelector`)})`,
    `(has(${endpoint}.cidr) && isCIDR(${endpoint}.cidr) && ${narrow})`,
  ];
  return `(has(${endpoint}) && (${ways.join(" || ")}))`;
}

const flowMatch = obeying(
  z.strictObject({
    client: flowEndpoint.optional().describe("The side that sent the SYN. Of a connection first seen in the middle either side may be it."),
    server: flowEndpoint.optional().describe("The side that was called."),
    sni: sni.optional().describe("The name that the client asked for in its TLS handshake; *. stands for any labels before it. Not supported yet: a FlowReset that has it resets nothing."),
  }),
  {
    message: `Cannot reset what is not named closely, expected a client or server with an ip, a cidr of /${SELECTIVE_PREFIX[4]} (IPv4) or /${SELECTIVE_PREFIX[6]} (IPv6) or longer, or a podSelector that is not empty`,
    cel: `${celIsSelective("self.client")} || ${celIsSelective("self.server")}`,
    broken: ({ client, server }) => unless(isSelective(client) || isSelective(server), { input: { client, server } }),
  },
);

export const flowResetSpec = obeying(
  z.strictObject({
    match: flowMatch.describe("Which connections. At least one end must be named closely: by its address, a narrow network, or labels of pods."),
    target: resetTarget.default("Both").describe("Which end gets the RSTs. One end alone may leave the other waiting."),
    hold: hold.describe("How long new connections of the same client, server and port are refused as well, such as 60s. 0s: once, the connections alive now."),
    maxFlows: z.int().min(1).max(MAX_FLOWS_OF_RESET).default(100).describe("Connections that may match, on each node; where there are more none is reset, and the FlowReset is Failed (TooManyFlows)."),
    dryRun: z.boolean().default(false).describe("Say what would be reset, and reset nothing."),
    reason: z.string().max(MAX_REASON_LENGTH).default("").describe("Why, such as INC-1234. Event lines carry it."),
    ttlSecondsAfterFinished: z.int().min(0).max(MAX_TTL_SECONDS).default(86_400).describe("How long the object is kept when it has finished."),
  }),
  { message: "Cannot change a FlowReset, expected a new one in its place", cel: "self == oldSelf" },
);

export const flowReset = z
  .strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal("FlowReset"),
    metadata,
    spec: flowResetSpec.describe("Which connections to cut, and how. It cannot be changed: make a new FlowReset instead."),
    status: flowResetStatus.optional().describe("What became of the connections. Written by the operator."),
  })
  .describe("FlowReset cuts connections that are alive now, and proves that they are dead. Like a Job it runs once; one end of each connection must be a pod of its namespace.");

export const clusterFlowReset = z
  .strictObject({ ...flowReset.shape, kind: z.literal("ClusterFlowReset") })
  .describe("ClusterFlowReset cuts connections that are alive now, of any pod or node, and proves that they are dead. Like a Job it runs once.");

export type FlowResetSpec = z.output<typeof flowResetSpec>;
export type FlowReset = z.output<typeof flowReset>;
export type ClusterFlowReset = z.output<typeof clusterFlowReset>;
