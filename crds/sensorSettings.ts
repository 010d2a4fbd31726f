/** SensorSettings: what a standalone sensor must know of its machine. In a cluster a SensorFleet says it. */
import { z } from "zod";
import { cidr, cidrs } from "./cidr.ts";
import { duration } from "./duration.ts";
import { API_VERSION } from "./group.ts";
import { atomic } from "./kubernetesFields.ts";
import { MAX_PROTECTED_ENDPOINTS, MAX_PROTECTED_PORTS, MAX_REASON_LENGTH } from "./limits.ts";
import { metadata } from "./metadata.ts";
import { portRanges } from "./portRange.ts";

/** What `scope: Internal` means unless told: private, shared, link-local and loopback ranges (RFC 1918, 6598, 3927, 4193, 4291). */
export const PRIVATE_RANGES = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "127.0.0.0/8",
  "::1/128",
  "fc00::/7",
  "fe80::/10",
];

const protectedEndpoint = z.strictObject({
  cidr: cidr.describe("Its address, or network."),
  ports: portRanges.max(MAX_PROTECTED_PORTS).default([]).describe("Its TCP ports. Empty is every port, and then it is protected where it opens the connection too."),
  reason: z.string().max(MAX_REASON_LENGTH).default("").describe("Why, for whoever reads it later."),
});

const timeouts = z.strictObject({
  synSent: duration("1s", "10m").default("30s").describe("A connection that nobody has answered yet."),
  established: duration("10s", "168h").default("1h").describe("A connection on which nothing moves."),
  closing: duration("1s", "1h").default("60s").describe("A connection that one side has closed."),
  closed: duration("1s", "1h").default("10s").describe("A connection that has ended."),
});

const budgets = z.strictObject({
  connectionsPerMinute: z.int().min(0).max(1_000_000).default(600).describe("Connections reset or refused in a minute on one node, over all policies. What comes above is counted, and reset as the budget refills beyond half, where it lives on; 0 resets nothing."),
});

/** What a sensor must know of its surroundings, on one machine as in a fleet. */
export const surroundings = {
  protectedEndpoints: atomic(z.array(protectedEndpoint).max(MAX_PROTECTED_ENDPOINTS))
    .default([])
    .describe("Endpoints that are never reset, neither by a policy nor by a FlowReset. In a cluster the API server, kubelets, etcd, DNS and the sensors' own connections are protected without being named."),
  managementPorts: portRanges.default([]).describe("Ports of a node's own addresses by which people reach it: never reset either."),
  sharedClients: cidrs.default([]).describe("Addresses behind which many parties stand, such as a gateway's: never held, only the one connection is reset."),
  internalCidrs: cidrs.default(() => [...PRIVATE_RANGES]).describe("What scope: Internal means in a policy. Private, shared, link-local and loopback ranges unless told."),
  budgets: budgets.prefault({}).describe("How much a sensor may do."),
  timeouts: timeouts.prefault({}).describe("How long a sensor remembers a connection on which it sees nothing more."),
};

export const sensorSettingsSpec = z.strictObject(surroundings);

export const sensorSettings = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("SensorSettings"),
  metadata,
  spec: sensorSettingsSpec,
});

export type SensorSettingsSpec = z.output<typeof sensorSettingsSpec>;
export type SensorSettings = z.output<typeof sensorSettings>;

/** The settings of a sensor to which nobody told any. */
export function defaultSettings(): SensorSettingsSpec {
  return sensorSettingsSpec.parse({});
}
