/** How often sensors report, and how much of that one node may do. */
import { HANDSHAKES_PER_SECOND, KEPT_REPORTS_PER_SECOND, MAX_KEPT_CONNECTIONS, REPORT_BURST, REPORTS_PER_SECOND } from "./limits.ts";

/**
 * So that all sensors together send 83 reports a second at most while nothing happens: what somebody waits for does not
 * wait for them. A sensor counts as stale long after LONGEST_MS (roster), and its connection is kept longer.
 */
const MS_A_SENSOR = 12;
const SHORTEST_MS = 1_000;
const LONGEST_MS = 60_000;

/** When the next report of a sensor is due, in a fleet of so many. */
export function nextReportMs(sensors: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, sensors * MS_A_SENSOR));
}

/** Over how long the sensors of a fleet of so many spread what all of them have to say at one time. */
export function answerSpreadMs(sensors: number): number {
  const reportsPerSecond = sensors <= MAX_KEPT_CONNECTIONS ? KEPT_REPORTS_PER_SECOND : HANDSHAKES_PER_SECOND;
  return Math.ceil((sensors / reportsPerSecond) * 1_000);
}

/** A token bucket for each node. */
export class NodeRates {
  readonly #buckets = new Map<string, { level: number; atMs: number }>();

  /** Whether one more report of the node may come now. */
  take(node: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(node) ?? { level: REPORT_BURST, atMs: nowMs };
    bucket.level = Math.min(REPORT_BURST, bucket.level + ((nowMs - bucket.atMs) / 1_000) * REPORTS_PER_SECOND);
    bucket.atMs = nowMs;
    this.#buckets.set(node, bucket);
    if (bucket.level < 1) return false;
    bucket.level--;
    return true;
  }

  /** Full buckets say nothing: nodes that left are not remembered. */
  sweep(nowMs: number): void {
    const fullMs = (REPORT_BURST / REPORTS_PER_SECOND) * 1_000;
    for (const [node, { atMs }] of this.#buckets) if (nowMs - atMs > fullMs) this.#buckets.delete(node);
  }
}
