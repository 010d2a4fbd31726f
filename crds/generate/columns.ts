/** What `kubectl get` shows: the story in 80 columns, the details with `-o wide`. */
import type { ClusterKind } from "../group.ts";

export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  readonly description: string;
  readonly jsonPath: string;
  /** 1: with `-o wide` only. */
  readonly priority?: 1;
}

type Column = PrinterColumn;

function column(name: string, type: Column["type"], jsonPath: string, description: string): Column {
  return { name, type, description, jsonPath };
}

function wide(name: string, type: Column["type"], jsonPath: string, description: string): Column {
  return { ...column(name, type, jsonPath, description), priority: 1 };
}

const AGE = column("Age", "date", ".metadata.creationTimestamp", "Since when the object exists");

function condition(type: string, part: "status" | "message"): string {
  return `.status.conditions[?(@.type=="${type}")].${part}`;
}

const POLICY: readonly Column[] = [
  column("Mode", "string", ".spec.mode", "Observe or Enforce"),
  column("Ready", "string", condition("Ready", "status"), "Whether every sensor that it selects has loaded it"),
  column("Sensors", "integer", ".status.sensors.ready", "Sensors that have loaded it"),
  column("Detections", "integer", ".status.counters.detections", "Findings"),
  column("Resets", "integer", ".status.counters.reset", "Connections reset"),
  wide("Desired", "integer", ".status.sensors.desired", "Sensors that it selects"),
  wide("Confirmed", "integer", ".status.counters.confirmed", "Connections proved dead"),
  wide("Would-Reset", "integer", ".status.counters.wouldReset", "Connections that would have been reset"),
  wide("Suppressed", "integer", ".status.counters.suppressed", "Findings that a guard held back"),
  wide("Severity", "string", ".spec.severity", "How bad a finding is"),
  wide("Message", "string", condition("Ready", "message"), "Why it is ready or not"),
  AGE,
];

const RESET: readonly Column[] = [
  column("Phase", "string", ".status.phase", "Pending, Active, Succeeded, Failed or Expired"),
  column("Client", "string", ".spec.match.client.ip", "Address of the side that opened the connection"),
  column("Server", "string", ".spec.match.server.ip", "Address of the side that was called"),
  column("Matched", "integer", ".status.summary.matched", "Connections that matched"),
  column("Confirmed", "integer", ".status.summary.confirmed", "Connections proved dead"),
  wide("Evaded", "integer", ".status.summary.evaded", "Connections that live on"),
  wide("Hold", "string", ".spec.hold", "How long new connections are refused as well"),
  wide("Dry-Run", "boolean", ".spec.dryRun", "Whether nothing is to be reset"),
  wide("Client-Network", "string", ".spec.match.client.cidr", "Network of the client"),
  wide("Server-Network", "string", ".spec.match.server.cidr", "Network of the server"),
  wide("Message", "string", ".status.message", "What happened"),
  wide("Reason", "string", ".spec.reason", "Why somebody wanted it"),
  AGE,
];

export const printerColumns: Readonly<Record<ClusterKind, readonly PrinterColumn[]>> = {
  ResponsePolicy: POLICY,
  ClusterResponsePolicy: POLICY,
  FlowReset: RESET,
  ClusterFlowReset: RESET,
  SensorFleet: [
    column("Enforcement", "string", ".spec.enforcement", "Enabled, or ObserveOnly: the emergency stop"),
    column("Desired", "integer", ".status.sensors.desired", "Nodes that should have a sensor"),
    column("Ready", "integer", ".status.sensors.ready", "Nodes whose sensor works"),
    column("Updated", "integer", ".status.sensors.updated", "Nodes whose sensor is the newest"),
    column("Stale", "integer", ".status.sensors.stale", "Nodes whose sensor is silent"),
    wide("Failed", "integer", ".status.sensors.failed", "Nodes whose sensor cannot work"),
    wide("Uncovered", "integer", ".status.sensors.uncovered", "Nodes that cannot have one"),
    wide("Image", "string", ".spec.image", "Image of the sensor, where one is named"),
    wide("Message", "string", condition("Ready", "message"), "Why it is ready or not"),
    AGE,
  ],
  SensorNode: [
    column("Fleet", "string", ".spec.fleet", "SensorFleet of the sensor"),
    column("Ready", "string", condition("Ready", "status"), "Whether it sees packets and has a policy"),
    column("Coverage", "string", condition("Coverage", "status"), "Whether it sees both directions of every pod"),
    column("Enforcement", "string", ".status.enforcement", "Enabled, Stopped or ObserveOnly"),
    column("Policies", "integer", ".status.policies.loaded", "Policies loaded"),
    column("Seen", "date", ".status.heartbeatTime", "How long ago it last wrote"),
    wide("Failed", "integer", ".status.policies.failed", "Policies not loaded whole"),
    wide("Interfaces", "integer", ".status.capture.interfaces", "Interfaces looked at"),
    wide("Lost", "integer", ".status.capture.lost", "Packets lost"),
    wide("Version", "string", ".status.version", "Version of the sensor"),
    wide("Message", "string", condition("Ready", "message"), "Why it is ready or not"),
    wide("Age", "date", ".metadata.creationTimestamp", "Since when the object exists"),
  ],
};
