/** What a protected connection is protected as: by number in the tables that the packet path asks, by a reason's word outside. */
import { Reason } from "./reason.ts";

export const PROTECTIONS = [
  /** Named in the settings' or the fleet's protectedEndpoints. */
  "Endpoint",
  /** Calls to it, and by it. */
  "ApiServer",
  "Kubelet",
  "Etcd",
  /** What load balancers ask of the node. */
  "NodeHealth",
  "ClusterDns",
  /** The kubelet's, of a pod. */
  "Probe",
  /** This sensor's own connection to the operator. */
  "ReportStream",
  "ManagementPort",
  /** Of who started the sensor. */
  "Session",
] as const;

export type Protection = (typeof PROTECTIONS)[number];

const REASONS: readonly Reason[] = PROTECTIONS.map((protection) => Reason[`Protected${protection}`]);

export function protectionNumber(protection: Protection): number {
  return PROTECTIONS.indexOf(protection);
}

export function protectionReason(number: number): Reason {
  return REASONS[number]!;
}
