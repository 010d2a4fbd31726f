/** `flowreset operator`: one replica of the operator, in a pod or (with a kubeconfig) outside of one. */
import { networkInterfaces, hostname } from "node:os";
import { isIP } from "node:net";
import { Option } from "commander";
import type { Command } from "commander";
import type { OperatorOptions, RunningOperator } from "../operator/options.ts";
import { version } from "../sensor/version.ts";
import { ExitCode } from "./exitCode.ts";
import { UsageError } from "./failure.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import { listenAddress, listenAddressOrNone } from "./parse.ts";
import type { Surroundings } from "./surroundings.ts";

interface OperatorWords {
  namespace?: string;
  listen: string;
  healthListen: string;
  metricsListen: string;
  profilingListen: string;
  kubeconfig?: string;
  context?: string;
  logLevel: OperatorOptions["logLevel"];
}

const LEVELS = ["trace", "debug", "info", "warn", "error", "silent"];

export function addOperatorCommand(program: Command, surroundings: Surroundings, done: (code: ExitCode) => void): void {
  program
    .command("operator")
    .summary("run the sensors of a cluster and answer its objects")
    .description(
      "Makes the sensors' DaemonSets, takes their reports, and writes the status of every FlowReset and policy. Several " +
        "replicas elect a leader. In a pod it needs no option; POD_NAME, POD_NAMESPACE, POD_IP, SENSOR_SERVICE_ACCOUNT " +
        "and SENSOR_IMAGE come from its Deployment.",
    )
    .option("--namespace <name>", "namespace where it is installed (default: POD_NAMESPACE)")
    .option("--listen <addr>", "HOST:PORT of the report stream (HTTPS)", listenAddress, ":8443")
    .option("--health-listen <addr>", "HOST:PORT of /healthz and /readyz", listenAddress, ":8080")
    .option("--metrics-listen <addr>", "HOST:PORT of /metrics (HTTPS, for who may get it), or none", listenAddressOrNone, ":9443")
    .option("--profiling-listen <addr>", "127.0.0.1:PORT of CPU profiles and heap snapshots, or none", listenAddressOrNone, "none")
    .option("--kubeconfig <file>", "outside a pod: the file that says how to reach the API server")
    .option("--context <name>", "a context of the kubeconfig")
    .addOption(new Option("--log-level <level>", "how much to say on standard error").choices(LEVELS).default("info"))
    .addHelpText(
      "after",
      examplesHelp([
        ["in a pod", "flowreset operator"],
        ["from a shell, beside a cluster", "flowreset operator --namespace flowreset-system --kubeconfig ~/.kube/config"],
      ]) + exitCodesHelp([ExitCode.Ok, ExitCode.Failed, ExitCode.BadInput]),
    )
    .action(async (words: OperatorWords) => {
      const operator = await surroundings.runOperator(operatorOptions(words, surroundings));
      await untilTold(operator, surroundings);
      done(ExitCode.Ok);
    });
}

function operatorOptions(words: OperatorWords, { env }: Surroundings): OperatorOptions {
  const namespace = words.namespace ?? env.POD_NAMESPACE;
  if (namespace === undefined) throw new UsageError("Give --namespace: outside a pod nobody says where the operator is installed");
  const address = env.POD_IP ?? ownAddress();
  if (isIP(address) === 0) throw new UsageError(`Give POD_IP as an address at which sensors reach this operator, got ${address}`);
  const orNone = (text: string): string | undefined => (text === "none" ? undefined : text);
  return {
    version: version(),
    namespace,
    identity: env.POD_NAME ?? hostname(),
    address,
    reportListen: words.listen,
    healthListen: words.healthListen,
    metricsListen: orNone(words.metricsListen),
    profilingListen: orNone(words.profilingListen),
    sensorServiceAccount: env.SENSOR_SERVICE_ACCOUNT ?? "flowreset-sensor",
    sensorImage: env.SENSOR_IMAGE ?? "",
    kubeconfig: words.kubeconfig,
    context: words.context,
    logLevel: words.logLevel,
  };
}

/** The first address that others could reach; in a pod POD_IP says it. */
function ownAddress(): string {
  const found = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return found.find(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0)?.address ?? "127.0.0.1";
}

/** SIGINT and SIGTERM end it; an operator that loses the lease rejects. */
async function untilTold(operator: RunningOperator, surroundings: Surroundings): Promise<void> {
  const forget = surroundings.onSignal((signal) => {
    if (signal !== "SIGHUP") void operator.close();
  });
  try {
    await operator.finished;
  } finally {
    forget();
    await operator.close();
  }
}
