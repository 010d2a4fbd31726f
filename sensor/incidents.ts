/**
 * From event lines to what people are told of a policy's work: which rule, whose pod, how it ended. Lines come as fast
 * as Workers write them; of a storm some are looked at, and the counters know the rest.
 */
import type { Incident } from "./cluster/mod.ts";
import type { PolicyReference } from "./policyTotals.ts";

/** Lines that are parsed in a second. */
const LINES_A_SECOND = 200;
/** Verdicts of alerts that nothing follows. */
const HELD_BACK = ["WouldReset", "WouldRefuse", "Suppress"];

export interface PodName {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

interface EventLine {
  readonly event_type: string;
  readonly timestamp: string;
  readonly flow: { readonly src_ip: string; readonly src_port: number; readonly dest_ip: string; readonly dest_port: number };
  readonly flowreset: { readonly flow_reset?: string; readonly policy: string; readonly rule: string; readonly verdict: string; readonly reason: string; readonly outcome?: string };
}

export interface IncidentReaderOptions {
  /** By `namespace/name`, or `name`. */
  readonly policyOf: (name: string) => PolicyReference | undefined;
  readonly podOf: (address: string) => PodName | undefined;
  readonly nowMs: () => number;
}

export class IncidentReader {
  /** Lines that were not looked at. */
  skipped = 0;
  readonly #options: IncidentReaderOptions;
  #second = 0;
  #lines = 0;

  constructor(options: IncidentReaderOptions) {
    this.#options = options;
  }

  read(line: Uint8Array): Incident | undefined {
    const second = Math.floor(this.#options.nowMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    if (++this.#lines > LINES_A_SECOND) {
      this.skipped++;
      return undefined;
    }
    const { event_type: type, flow, flowreset, timestamp } = JSON.parse(Buffer.from(line).toString()) as EventLine;
    const outcome = type === "outcome" ? flowreset.outcome : type === "alert" && HELD_BACK.includes(flowreset.verdict) ? flowreset.verdict : undefined;
    const policy = flowreset.policy === "" ? undefined : this.#options.policyOf(flowreset.policy);
    if (outcome === undefined || policy === undefined) return undefined;
    const pod = this.#options.podOf(flow.src_ip) ?? this.#options.podOf(flow.dest_ip);
    const time = new Date(Date.parse(timestamp)).toISOString();
    return {
      ...policy,
      rule: flowreset.rule,
      ...(pod === undefined ? {} : { pod }),
      client: endpoint(flow.src_ip, flow.src_port),
      server: endpoint(flow.dest_ip, flow.dest_port),
      outcome,
      reason: flowreset.reason,
      count: 1,
      firstTime: time,
      lastTime: time,
    };
  }
}

function endpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
