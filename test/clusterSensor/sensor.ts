/** The real sensor as a member of a cluster, in a namespace of a lab; its events collected. */
import { join } from "node:path";
import type { LabProcess, Namespace } from "../lab/mod.ts";
import { until } from "../lab/mod.ts";
import type { SensorEvent } from "../lab/sensor.ts";

const PROGRAM = join(import.meta.dirname, "../../cli/main.ts");
const START_TIMEOUT_MS = 90_000;
let started = 0;

export interface SensorWords {
  readonly more?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Do not wait until it watches. */
  readonly isAwaited?: boolean;
  /** Another copy of the product: what it is started by; the checkout's where absent. */
  readonly program?: readonly string[];
}

export class ClusterSensor {
  readonly process: LabProcess;
  readonly events: SensorEvent[] = [];
  readonly #namespace: Namespace;
  readonly #port: number;
  readonly #socket: string;

  private constructor(namespace: Namespace, home: string, words: readonly string[], { environment = {}, program = [process.execPath, PROGRAM] }: SensorWords) {
    this.#namespace = namespace;
    this.#port = 9_600 + ++started;
    this.#socket = join(home, "sensor.sock");
    const places = ["--socket", this.#socket, "--listen", `127.0.0.1:${this.#port}`, "--state-dir", join(home, "state")];
    const command = [...program, "sensor", "--cluster", ...places, ...words, "--log-level", "debug"];
    this.process = namespace.start(command, { environment: { ...environment } });
    this.process.onLine = (line) => this.events.push(JSON.parse(line) as SensorEvent);
  }

  static async start(namespace: Namespace, home: string, words: readonly string[], options: SensorWords): Promise<ClusterSensor> {
    const sensor = new ClusterSensor(namespace, home, [...words, ...(options.more ?? [])], options);
    if (options.isAwaited !== false) await sensor.process.waitForOutput(/"msg":"watching"/, START_TIMEOUT_MS);
    return sensor;
  }

  /** The first event that fits, now or later. */
  event(what: string, fits: (event: SensorEvent) => boolean, timeoutMs = 40_000): Promise<SensorEvent> {
    return until(what, () => this.events.find(fits), timeoutMs, 5);
  }

  outcome(clientPort: number): Promise<SensorEvent> {
    return this.event(`the outcome of port ${clientPort}`, ({ event_type, flow }) => event_type === "outcome" && flow.src_port === clientPort);
  }

  said(pattern: RegExp, timeoutMs = 40_000): Promise<RegExpMatchArray> {
    return until(`the sensor to say ${pattern}`, () => this.process.stderr.match(pattern), timeoutMs, 20);
  }

  /** GET of its HTTP server: status and body. */
  async get(path: string, headers: readonly string[] = []): Promise<{ status: number; body: string }> {
    const { stdout } = await this.#namespace.run(["curl", "-sS", "-w", "\n%{http_code}", ...headers.flatMap((header) => ["-H", header]), `http://127.0.0.1:${this.#port}${path}`]);
    const at = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
  }

  /** Sum of a metric's series whose labels contain the text. */
  async metric(name: string, labels = ""): Promise<number> {
    const { body } = await this.get("/metrics");
    const lines = body.split("\n").filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? "") && line.includes(labels));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  /** Runs `flowreset` against it. */
  command(words: readonly string[]): ReturnType<Namespace["run"]> {
    return this.#namespace.run([process.execPath, PROGRAM, ...words, "--socket", this.#socket], { check: false });
  }

  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<unknown> {
    return this.process.stop(signal);
  }
}
