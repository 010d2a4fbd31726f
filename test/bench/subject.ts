/** The sensor under test: the shipped program with one signature, its events read from a file when a cell is over. */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Lab, Namespace } from "../lab/mod.ts";
import { until } from "../lab/mod.ts";
import { AMPLE_BUDGET, enforcing } from "../lab/policies.ts";
import { SensorProcess } from "../lab/sensor.ts";
import type { SensorEvent } from "../lab/sensor.ts";

/** Both in the words of the table: what a reader must type to have the same. */
export const Configuration = {
  Blocking: { name: "blocking", arguments: [] },
  BusyPoll: { name: "busy-poll 2 ms", arguments: ["--busy-poll", "2000"] },
} as const;
export type Configuration = (typeof Configuration)[keyof typeof Configuration];

const POLICY = enforcing("bench", [{ name: "trigger", text: "KILLMENOW" }]) + AMPLE_BUDGET;
/** Outcomes come at most so long after the last connection of a cell has ended. */
const OUTCOME_MS = 10_000;

export class Subject {
  readonly process: SensorProcess;
  readonly #events: number;
  readonly #buffer = Buffer.alloc(1 << 20);
  #offset = 0;
  #rest = "";

  private constructor(process: SensorProcess, events: number) {
    this.process = process;
    this.#events = events;
  }

  static async start(lab: Lab, node: Namespace, configuration: Configuration): Promise<Subject> {
    const file = join(lab.directory, `events-${configuration.name.replaceAll(" ", "-")}-${Date.now()}.json`);
    closeSync(openSync(file, "w"));
    const process = await SensorProcess.start(node, {
      policies: { "bench.yaml": POLICY },
      arguments: ["--events", file, ...configuration.arguments],
    });
    return new Subject(process, openSync(file, "r"));
  }

  /** Events since the last call, once there are `outcomes` outcomes among them (or no more come). */
  async events(outcomes: number): Promise<SensorEvent[]> {
    const events: SensorEvent[] = [];
    await until("outcomes", () => {
      this.#read(events);
      return events.filter(({ event_type }) => event_type === "outcome").length >= outcomes;
    }, OUTCOME_MS).catch(() => {});
    return events;
  }

  async stop(): Promise<void> {
    await this.process.stop();
    closeSync(this.#events);
  }

  #read(into: SensorEvent[]): void {
    for (;;) {
      const length = readSync(this.#events, this.#buffer, 0, this.#buffer.length, this.#offset);
      if (length === 0) return;
      this.#offset += length;
      const lines = (this.#rest + this.#buffer.toString("utf8", 0, length)).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) into.push(JSON.parse(line) as SensorEvent);
    }
  }
}
