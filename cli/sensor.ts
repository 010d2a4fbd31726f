/** `flowreset sensor`: guards this machine from a folder of policies until it is told to end. */
import { Option } from "commander";
import type { Command } from "commander";
import { DEFAULT_LISTEN, DEFAULT_SENSOR_OPTIONS, DEFAULT_TABLE_CAPACITY, LOG_LEVELS } from "../sensor/options.ts";
import type { CaptureMethod, RunningSensor, SensorOptions } from "../sensor/options.ts";
import { isLoopback } from "../sensor/report/mod.ts";
import type { LogLevel } from "../sensor/report/mod.ts";
import { addClusterOptions, clusterOptionsOf } from "./clusterOptions.ts";
import type { ClusterWords } from "./clusterOptions.ts";
import { ExitCode } from "./exitCode.ts";
import { UsageError } from "./failure.ts";
import { examplesHelp, exitCodesHelp } from "./help.ts";
import { listenAddressOrNone, ports, wholeNumber } from "./parse.ts";
import { addSocketOption, addStopFileOption, placesOf } from "./places.ts";
import type { PlaceOptions } from "./places.ts";
import type { Surroundings } from "./surroundings.ts";

interface SensorWords extends PlaceOptions, ClusterWords {
  policies?: string;
  interface?: string[];
  capture: CaptureMethod;
  workers: number;
  listen: string;
  captureOnly?: string;
  inject?: string;
  events: string;
  logLevel: LogLevel;
  busyPoll: number;
  tableCapacity: number;
  protectPort?: number[];
  markKeyFile?: string;
}

export function addSensorCommand(program: Command, surroundings: Surroundings, done: (code: ExitCode) => void): void {
  const command = program
    .command("sensor")
    .summary("guard this machine from a folder of policies")
    .description(
      "Watches the machine's packets and resets what its policies enforce. Never in the way of traffic: when it ends, " +
        "traffic goes on. The folder is watched; a change takes effect within a second. Needs CAP_NET_RAW.",
    )
    .option("--policies <dir>", "folder of ResponsePolicy, FlowReset and SensorSettings files")
    .option("--interface <name...>", "interfaces to watch: names or globs such as veth* (default: all)")
    .addOption(captureOption())
    .option("--workers <n>", "packet workers, one a core at most", wholeNumber(1, 64), DEFAULT_SENSOR_OPTIONS.workers)
    .option("--listen <addr>", "HOST:PORT of /metrics, /healthz and /readyz (loopback with --cluster), or none", listenAddressOrNone, DEFAULT_LISTEN)
    .option("--capture-only <iface>", "mirror port: see packets here only")
    .option("--inject <how>", "with --capture-only: route (as the kernel's routes say) or an interface")
    .option("--events <file>", "event lines to a file, - for standard output, none", "-")
    .option("--busy-poll <us>", "microseconds to poll without sleeping after traffic; 0: always sleep", wholeNumber(0, 1_000_000), 0)
    .option("--table-capacity <flows>", "flows to remember", wholeNumber(1_024, 16_777_216), DEFAULT_TABLE_CAPACITY)
    .option("--protect-port <port...>", "ports of this machine that are never reset (beside your ssh session)", ports)
    .option("--mark-key-file <file>", "16 hexadecimal digits, the same for sensors that see the same traffic: one acts, the other knows (with --cluster: $MARK_KEY_FILE, where it is)")
    .addOption(logLevelOption());
  addClusterOptions(command);
  addStopFileOption(addSocketOption(command))
    .addHelpText(
      "after",
      examplesHelp([
        ["guard every interface", "sudo flowreset sensor --policies /etc/flowreset"],
        ["pods only, events to a file", "sudo flowreset sensor --policies . --interface 'veth*' --events /var/log/flowreset.json"],
        ["a mirror port; resets leave as the routes say", "sudo flowreset sensor --policies . --capture-only eth1 --inject route"],
      ]) + exitCodesHelp([ExitCode.Ok, ExitCode.Failed, ExitCode.BadInput, ExitCode.MissingRight, ExitCode.AlreadyRunning]),
    )
    .action(async (words: SensorWords) => {
      const sensor = await surroundings.runSensor(sensorOptions(words, surroundings));
      await untilTold(sensor, surroundings);
      done(ExitCode.Ok);
    });
}

function captureOption(): Option {
  return new Option("--capture <method>", "ring (native, quick) or libpcap (portable)").choices(["ring", "libpcap"]).default("ring");
}

function logLevelOption(): Option {
  return new Option("--log-level <level>", "how much to say on standard error").choices(LOG_LEVELS).default("info");
}

function sensorOptions(words: SensorWords, surroundings: Surroundings): SensorOptions {
  if (words.cluster === true && words.policies !== undefined) {
    throw new UsageError("Give either --policies or --cluster: in a cluster policies come from the API server");
  }
  if (words.cluster !== true && words.policies === undefined) {
    throw new UsageError("Give --policies with a folder of policies, or --cluster in a cluster");
  }
  // Metrics name a tenant's policies; in the node's network whoever reaches the node would read them.
  if (words.cluster === true && words.listen !== "none" && !isLoopback(words.listen)) {
    throw new UsageError(`Give --listen an address of loopback such as ${DEFAULT_LISTEN} with --cluster, got ${words.listen}`);
  }
  if (words.inject !== undefined && words.captureOnly === undefined) {
    throw new UsageError("Give --capture-only with --inject: elsewhere a reset leaves where its packet was seen");
  }
  if (words.captureOnly !== undefined && words.interface !== undefined) {
    throw new UsageError("Give either --capture-only or --interface: a mirror port is the only interface watched");
  }
  if (words.capture === "libpcap" && words.workers > 1) {
    throw new UsageError(`Give --capture ring with several workers: libpcap has one, got --workers ${words.workers}`);
  }
  return {
    cluster: clusterOptionsOf(words, surroundings.env),
    policies: words.policies,
    interfaces: words.interface ?? [],
    capture: words.capture,
    workers: words.workers,
    listen: words.listen === "none" ? undefined : words.listen,
    captureOnly: words.captureOnly,
    inject: words.captureOnly === undefined ? undefined : (words.inject ?? "route"),
    events: words.events,
    ...placesOf(words, surroundings),
    logLevel: words.logLevel,
    busyPollMicroseconds: words.busyPoll,
    tableCapacity: words.tableCapacity,
    protectedPorts: words.protectPort ?? [],
    markKeyFile: words.markKeyFile,
  };
}

/** SIGINT and SIGTERM end it, SIGHUP opens the events file again; a sensor that ends by itself rejects or resolves. */
export async function untilTold(sensor: RunningSensor, surroundings: Surroundings): Promise<void> {
  const forget = surroundings.onSignal((signal) => {
    if (signal === "SIGHUP") sensor.reopenEvents();
    else void sensor.close();
  });
  try {
    await sensor.finished;
  } finally {
    forget();
    await sensor.close();
  }
}
