/** How an operator is run: words of the command line and the pod's environment, read by cli/. */
import type { LogLevel } from "./log.ts";

export interface OperatorOptions {
  /** Of the product. */
  readonly version: string;
  /** Where it is installed: its Lease, Secret, ConfigMap, Service and DaemonSets are there. */
  readonly namespace: string;
  /** Of this replica: the pod's name. */
  readonly identity: string;
  /** At which other replicas and sensors reach this one. */
  readonly address: string;
  /** `HOST:PORT`; port 0 takes a free one. */
  readonly reportListen: string;
  /** /healthz and /readyz, plain; nothing else is told there. */
  readonly healthListen: string;
  /** /metrics over HTTPS, for who may read them; undefined: none. */
  readonly metricsListen: string | undefined;
  /** Loopback only; undefined: none. */
  readonly profilingListen: string | undefined;
  /** Whose tokens are believed, in the same namespace. */
  readonly sensorServiceAccount: string;
  /** Of fleets that name none. */
  readonly sensorImage: string;
  /** Outside a pod. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly logLevel: LogLevel;
  /** Lease times, for tests; client-go's unless told. */
  readonly lease?: { readonly leaseDurationMs: number; readonly renewDeadlineMs: number; readonly retryPeriodMs: number };
}

export interface RunningOperator {
  /** Resolves when it was closed; rejects when it cannot go on (leadership lost). */
  readonly finished: Promise<void>;
  readonly reportUrl: string;
  readonly healthUrl: string;
  readonly metricsUrl: string | undefined;
  readonly isLeader: boolean;
  /** Gives the Lease back: the other replica leads at once. */
  close(): Promise<void>;
}

/** Names that sensors and the chart know too. */
export const NAMES = {
  lease: "flowreset-operator",
  service: "flowreset-operator",
  secret: "flowreset-report-stream-tls",
  markKeySecret: "flowreset-mark-key",
  discovery: "flowreset-report-stream",
  defaultFleet: "flowreset-default-fleet",
  /** The chart's: what it owns ends with the release. */
  clusterRole: "flowreset-operator",
  audience: "flowreset-report-stream",
  fieldManager: "flowreset-operator",
  reportingController: "flowreset.io/operator",
  /** On the Lease: where the leader takes reports. */
  addressAnnotation: "flowreset.io/report-stream",
} as const;

export const REPORT_PORT = 8443;

export const LABELS = { "app.kubernetes.io/name": "flowreset", "app.kubernetes.io/component": "operator" } as const;
