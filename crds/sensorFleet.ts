/** SensorFleet: the sensors of a cluster, or of some of its nodes. The operator makes a DaemonSet of it. */
import { z } from "zod";
import { duration } from "./duration.ts";
import { API_VERSION } from "./group.ts";
import { interfacePattern } from "./interfaceName.ts";
import { atomic, conditions, count, listMap, observedGeneration } from "./kubernetesFields.ts";
import { labels, labelSelector } from "./labelSelector.ts";
import { MAX_INTERFACES, MAX_PULL_SECRETS, MAX_WORKERS } from "./limits.ts";
import { metadata, objectName } from "./metadata.ts";
import { annotations, resources, rolloutLimit, tolerations, type toleration } from "./podShape.ts";
import { failures } from "./policyStatus.ts";
import { portNumber } from "./portRange.ts";
import { surroundings } from "./sensorSettings.ts";

export const CAPTURE_MODES = ["HostInterfaces", "PodNetns"] as const;
export const CAPTURE_BACKENDS = ["Ring", "Libpcap"] as const;
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;

const capture = z.strictObject({
  mode: z.enum(CAPTURE_MODES).default("HostInterfaces").describe("HostInterfaces sees pods at the host's side of their interfaces. PodNetns (reserved) enters their network namespaces."),
  backend: z.enum(CAPTURE_BACKENDS).default("Ring").describe("Ring is the kernel's own and quick. Libpcap (reserved) is portable and slower; the image is without its library."),
  workers: z.int().min(1).max(MAX_WORKERS).default(1).describe("Threads that look at packets, one a core at most."),
  busyPollMicroseconds: z.int().min(0).max(1_000_000).default(0).describe("How long to look for the next packet without sleeping. Costs a core, saves tens of microseconds; 0 always sleeps."),
  interfaces: atomic(z.array(interfacePattern).max(MAX_INTERFACES)).default([]).describe("Names of interfaces to look at, or globs such as cali*. Empty is all."),
  tableCapacity: z.int().min(1_024).max(16_777_216).default(262_144).describe("Connections that a node's sensor can remember. What comes above is counted and not looked at."),
});

export const sensorFleetSpec = z.strictObject({
  enforcement: z.enum(["Enabled", "ObserveOnly"]).default("Enabled").describe("ObserveOnly is the emergency stop: within a second no sensor of the fleet injects anything, not for a FlowReset either."),
  enforceNamespaces: labelSelector.optional().describe("Labels of namespaces whose policies and FlowResets may enforce; those of others observe, and say so. Left out, all may."),
  image: z.string().min(1).max(512).optional().describe("Image of the sensor. Left out, the operator's own."),
  imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).default("IfNotPresent").describe("When a node fetches the image."),
  imagePullSecrets: listMap(z.array(z.strictObject({ name: objectName.describe("Name of the Secret.") })).max(MAX_PULL_SECRETS), "name")
    .default([])
    .describe("Secrets of the operator's namespace by which nodes may fetch the image."),
  nodeSelector: labels.default({}).describe("Labels of the nodes that get a sensor. kubernetes.io/os: linux is always added."),
  tolerations: tolerations.default([{ operator: "Exists" }]).describe("Taints that a sensor bears. All of them unless told: an attacker likes a node that nobody watches."),
  priorityClassName: objectName.default("system-node-critical").describe("Priority class of the sensor's pod."),
  resources: resources.prefault({}).describe("Memory and processor of the sensor. A processor limit would stall resets by up to 100 ms."),
  updateStrategy: z.strictObject({ maxUnavailable: rolloutLimit.default("10%").describe("Nodes that may be without a sensor while a new version rolls out, as a number or a share.") })
    .prefault({})
    .describe("How a new version rolls out."),
  podLabels: labels.default({}).describe("Further labels of the sensor's pod."),
  podAnnotations: annotations.default({}).describe("Further annotations of the sensor's pod."),
  healthPort: portNumber.default(9_464).describe("Port of the node's loopback at which a sensor serves health and metrics; take another where a program of your nodes has it."),
  capture: capture.prefault({}).describe("How packets are seen."),
  maxPolicyAge: duration("1m", "720h").default("24h").describe("How long a sensor that cannot reach the API server goes on enforcing what it knew last. After that it observes."),
  logLevel: z.enum(LOG_LEVELS).default("info").describe("How much a sensor says in its log."),
  ...surroundings,
});

export const sensorFleetStatus = z.strictObject({
  observedGeneration: observedGeneration.optional(),
  conditions: conditions.optional(),
  sensors: z
    .strictObject({
      desired: count.describe("Nodes that should have a sensor."),
      ready: count.describe("Of these, how many have one that works."),
      updated: count.describe("How many run the newest version and settings."),
      failed: count.describe("How many have one that cannot work; see failures."),
      stale: count.describe("How many have been silent for three heartbeats."),
      uncovered: count.describe("Nodes that match and cannot have a sensor: Windows, virtual ones."),
    })
    .optional()
    .describe("How many nodes are covered."),
  failures: failures.optional().describe("Sensors that do not work, ten at most."),
});

export const sensorFleet = z
  .strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal("SensorFleet"),
    metadata,
    spec: sensorFleetSpec.prefault({}).describe("Which nodes get a sensor, how it looks at packets, and what it must leave alone."),
    status: sensorFleetStatus.optional().describe("How many nodes are covered. Written by the operator."),
  })
  .describe("SensorFleet is the sensors of a cluster, or of some of its nodes. The operator makes a DaemonSet of it. Two fleets must not select the same node. A sensor serves health and metrics on its node's loopback and nowhere else.");

export type SensorFleetSpec = z.output<typeof sensorFleetSpec>;
export type SensorFleetStatus = z.output<typeof sensorFleetStatus>;
export type SensorFleet = z.output<typeof sensorFleet>;
export type Toleration = z.output<typeof toleration>;
