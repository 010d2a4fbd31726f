/** SensorSettings: what a standalone sensor must know of its machine. In a cluster a SensorFleet says it. */
import { z } from "zod";
import { cidr, cidrs } from "./cidr.ts";
import { duration } from "./duration.ts";
import { API_VERSION } from "./group.ts";
import { MAX_PROTECTED_ENDPOINTS, MAX_REASON_LENGTH } from "./limits.ts";
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
  cidr,
  /** Empty is every port; an address without ports is protected as initiator too. */
  ports: portRanges.default([]),
  reason: z.string().max(MAX_REASON_LENGTH).default(""),
});

const timeouts = z.strictObject({
  synSent: duration("1s", "10m").default("30s"),
  established: duration("10s", "168h").default("1h"),
  closing: duration("1s", "1h").default("60s"),
  closed: duration("1s", "1h").default("10s"),
});

const budgets = z.strictObject({
  /** Connections reset or refused on this machine, over all policies. */
  connectionsPerMinute: z.int().min(0).max(1_000_000).default(600),
});

/** What a sensor must know of its surroundings, on one machine as in a fleet. */
export const surroundings = {
  /** Never reset, neither by a policy nor by a FlowReset. */
  protectedEndpoints: z.array(protectedEndpoint).max(MAX_PROTECTED_ENDPOINTS).default([]),
  /** Ports of this machine's own addresses by which people reach it: never reset either. */
  managementPorts: portRanges.default([]),
  /** Addresses behind which many parties stand: never held, only the one connection is reset. */
  sharedClients: cidrs.default([]),
  internalCidrs: cidrs.default(() => [...PRIVATE_RANGES]),
  budgets: budgets.prefault({}),
  timeouts: timeouts.prefault({}),
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
