/** `flowreset sensor --cluster` and what goes with it: words first, then the environment that the operator sets. */
import { Option } from "commander";
import type { Command } from "commander";
import type { ClusterOptions } from "../sensor/options.ts";
import { UsageError } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

export interface ClusterWords {
  cluster?: boolean;
  node?: string;
  fleet?: string;
  namespace?: string;
  stateDir?: string;
  kubeconfig?: string;
  reportTokenFile?: string;
  serviceAccountFolder?: string;
}

const DEFAULT_FLEET = "default";
const DEFAULT_NAMESPACE = "flowreset-system";
const DEFAULT_STATE_DIRECTORY = "/var/lib/flowreset";

export function addClusterOptions(command: Command): void {
  command
    .option("--cluster", "policies, pods and FlowResets come from the API server of the cluster (no --policies then)")
    .option("--node <name>", "with --cluster: this node's name (default: $NODE_NAME)")
    .option("--fleet <name>", `with --cluster: the SensorFleet that this sensor belongs to (default: $FLEET_NAME, or ${DEFAULT_FLEET})`)
    .option("--namespace <name>", `with --cluster: where the operator lives (default: $POD_NAMESPACE, or ${DEFAULT_NAMESPACE})`)
    .option("--state-dir <dir>", `with --cluster: keep the last good state here, or none (default: $STATE_DIR, or ${DEFAULT_STATE_DIRECTORY})`)
    .option("--kubeconfig <file>", "with --cluster: how to reach the API server (default: the pod's service account)")
    .option("--report-token-file <file>", "with --cluster: token to show to the operator (default: $REPORT_TOKEN_FILE, or the service account's)")
    // Where no kubelet has put it at its place: a test.
    .addOption(new Option("--service-account-folder <dir>").hideHelp());
}

export function clusterOptionsOf(words: ClusterWords, env: Surroundings["env"]): ClusterOptions | undefined {
  if (words.cluster !== true) return undefined;
  const node = words.node ?? env["NODE_NAME"];
  if (node === undefined || node === "") throw new UsageError("Give --node or set NODE_NAME with --cluster: the sensor must know whose pods are its own");
  const stateDirectory = words.stateDir ?? env["STATE_DIR"] ?? DEFAULT_STATE_DIRECTORY;
  return {
    node,
    fleet: words.fleet ?? env["FLEET_NAME"] ?? DEFAULT_FLEET,
    namespace: words.namespace ?? env["POD_NAMESPACE"] ?? DEFAULT_NAMESPACE,
    stateDirectory: stateDirectory === "none" ? undefined : stateDirectory,
    kubeconfig: words.kubeconfig,
    serviceAccountFolder: words.serviceAccountFolder,
    reportTokenFile: words.reportTokenFile ?? env["REPORT_TOKEN_FILE"],
    markKeyFile: env["MARK_KEY_FILE"],
  };
}
