/** A crowd of connections that a policy cuts again and again: each that dies is made anew (see images/workload.c). */
import { until } from "../../lab/mod.ts";
import type { Place } from "./connection.ts";

export const MARKED_TEXT = "GIVEAWAY of an attack\n";
/** What its connections receive while nothing cuts them; far more than gets through before a cut. */
const LIVELY_BYTES = MARKED_TEXT.length * 15;

export interface StormDeath {
  readonly how: string;
  readonly atMs: number;
}

export class Storm {
  readonly count: number;
  readonly port: number;
  readonly #place: Place;

  constructor(place: Place, port: number, count: number) {
    this.#place = place;
    this.port = port;
    this.count = count;
  }

  /** Words for a container of it. */
  static words(address: string, port: number, count: number): string[] {
    return ["storm", address, `${port}`, `${count}`, MARKED_TEXT];
  }

  async deaths(): Promise<StormDeath[]> {
    return [...(await this.#place.said()).matchAll(/^end \S+ \S+ (\S+) \d+ (\S+)$/gm)].map(([, how, at]) => ({ how: how!, atMs: Number(at) }));
  }

  /** The longest time within which none was cut, from `fromMs` to `toMs`. */
  async longestRestMs(fromMs: number, toMs: number): Promise<number> {
    const times = [fromMs, ...(await this.deaths()).map(({ atMs }) => atMs).filter((ms) => ms > fromMs && ms < toMs).sort((a, b) => a - b), toMs];
    return Math.max(...times.slice(1).map((ms, index) => ms - times[index]!));
  }

  /** Waits until so many more have died than now. */
  async rages(more = this.count * 2, timeoutMs = 60_000): Promise<void> {
    const before = (await this.deaths()).length;
    await until(`${more} more connections of the storm to be cut`, async () => (await this.deaths()).length >= before + more, timeoutMs, 50);
  }

  /** Waits until all its connections stand at once and have lived for long. */
  async isCalm(timeoutMs = 60_000): Promise<void> {
    await until("all connections of the storm to live on", async () => {
      const received = await this.received();
      return received.length === this.count && received.every((bytes) => bytes >= LIVELY_BYTES);
    }, timeoutMs, 100);
  }

  /** Bytes that came back on each connection that stands. */
  async received(): Promise<number[]> {
    const { stdout } = await this.#place.run(["ss", "-tnHOi", "state", "established", `( dport = :${this.port} )`]);
    return stdout.split("\n").filter((line) => line.trim() !== "").map((line) => Number(line.match(/bytes_received:(\d+)/)?.[1] ?? 0));
  }
}

/** The policy that cuts storms, of all pods of a namespace, as often as they come. */
export function marking(namespace: string, mode: "Observe" | "Enforce", port?: number): object {
  const signature = { rules: [`alert tcp any any -> any any (msg:"marked"; content:"GIVEAWAY"; sid:1000001;)`] };
  return {
    apiVersion: "flowreset.io/v1alpha1",
    kind: "ResponsePolicy",
    metadata: { name: "marked", namespace },
    spec: {
      mode,
      rules: [{ name: "marked", ...(port === undefined ? {} : { ports: [`${port}`] }), signature }],
      limits: { connectionsPerMinutePerNode: 100_000 },
    },
  };
}
