/** The real sensor in a namespace of a lab: a process of its own over a directory of policies, its events collected. */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Namespace } from "./namespace.ts";
import type { LabProcess } from "./process.ts";
import { until } from "./wait.ts";

const PROGRAM = join(import.meta.dirname, "../../cli/main.ts");
/** A loaded machine may take its time to start. */
const START_TIMEOUT_MS = 30_000;

export interface SensorEvent {
  readonly event_type: "alert" | "reset" | "outcome";
  readonly flow_id: number;
  readonly timestamp: string;
  readonly src_port: number;
  readonly flow: { readonly src_ip: string; readonly src_port: number; readonly dest_ip: string; readonly dest_port: number };
  readonly alert?: { readonly signature: string };
  readonly flowreset: {
    readonly policy: string;
    readonly flow_reset?: string;
    readonly request_reason?: string;
    readonly rule: string;
    readonly verdict: string;
    readonly reason: string;
    readonly outcome?: string;
    readonly evidence?: readonly string[];
    readonly rsts?: number;
    readonly time_to_first_rst_us?: number;
    readonly time_to_confirmed_us?: number;
    readonly bytes_after_trigger?: number;
  };
}

export interface SensorSetup {
  /** Text by file name. */
  readonly policies?: Readonly<Record<string, string>>;
  /** Files that are copied into the directory. */
  readonly files?: readonly string[];
  readonly arguments?: readonly string[];
  readonly name?: string;
  /** Starts it with other rights, say: `setpriv` and its arguments. */
  readonly under?: readonly string[];
  /** Main file of another copy of the product; the checkout's where absent. */
  readonly program?: string;
}

let started = 0;

export class SensorProcess {
  readonly process: LabProcess;
  readonly events: SensorEvent[] = [];
  readonly directory: string;
  readonly socket: string;
  readonly #namespace: Namespace;
  readonly #port: number;

  private constructor(namespace: Namespace, directory: string, socket: string, port: number, { arguments: extra = [], under = [], program = PROGRAM }: SensorSetup) {
    this.#namespace = namespace;
    this.directory = directory;
    this.socket = socket;
    this.#port = port;
    const words = ["sensor", "--policies", directory, "--socket", socket, "--listen", `127.0.0.1:${port}`, ...extra];
    this.process = namespace.start([...under, process.execPath, program, ...words]);
    this.process.onLine = (line) => this.events.push(JSON.parse(line) as SensorEvent);
  }

  /** Resolves when it captures. */
  static async start(namespace: Namespace, setup: SensorSetup = {}): Promise<SensorProcess> {
    const number = ++started;
    const home = join(namespace.lab.directory, `sensor-${number}`);
    const directory = join(home, "policies");
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries(setup.policies ?? {})) writeFileSync(join(directory, name), text);
    for (const file of setup.files ?? []) copyFileSync(file, join(directory, basename(file)));
    const sensor = new SensorProcess(namespace, directory, join(home, "sensor.sock"), 9_464 + number, setup);
    await sensor.process.waitForOutput(/"msg":"watching"/, START_TIMEOUT_MS);
    return sensor;
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  remove(name: string): void {
    rmSync(join(this.directory, name));
  }

  /** The first event of that kind that fits, now or later. */
  event(what: string, fits: (event: SensorEvent) => boolean, timeoutMs = 15_000): Promise<SensorEvent> {
    return until(what, () => this.events.find(fits), timeoutMs, 5);
  }

  /** The last word on the connection of that client port. */
  outcome(clientPort: number, timeoutMs?: number): Promise<SensorEvent> {
    return this.event(`the outcome of port ${clientPort}`, ({ event_type, flow }) => event_type === "outcome" && flow.src_port === clientPort, timeoutMs);
  }

  /** Where it serves metrics, to the node itself. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Sum of a metric's series whose labels contain the text. */
  async metric(name: string, labels = ""): Promise<number> {
    const { stdout } = await this.#namespace.run(["curl", "-sS", `${this.url}/metrics`]);
    const lines = stdout.split("\n").filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? "") && line.includes(labels));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  /** Runs `flowreset` against it. */
  command(words: readonly string[]): ReturnType<Namespace["run"]> {
    return flowreset(this.#namespace, [...words, "--socket", this.socket]);
  }

  stop(): Promise<unknown> {
    return this.process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Runs `flowreset` with these words in a namespace; an exit code other than 0 is returned. */
export function flowreset(namespace: Namespace, words: readonly string[]): ReturnType<Namespace["run"]> {
  return namespace.run([process.execPath, PROGRAM, ...words], { check: false, timeoutMs: 60_000 });
}
