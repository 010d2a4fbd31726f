/**
 * What waits to be told to the operator: put together into reports, kept until it is acknowledged. Pure; time is an
 * argument.
 */
import type { FlowResult, Report, ResetReport } from "../../../crds/stream/mod.ts";
import { MAX_FLOWS_OF_REPORT, MAX_REPORTED_COUNTERS, MAX_REPORTED_RESETS } from "../../../crds/stream/mod.ts";
import type { ResetResult } from "../resetResult.ts";
import { MAX_KEPT_FLOWS, MAX_KEPT_INCIDENTS, MAX_KEPT_RESETS, MAX_POSTED_FLOWS, REPEAT_MS } from "./limits.ts";

/** Asked for each report: what is so now. */
export type OutboxFacts = Pick<Report, "observed" | "health"> & { readonly failures: NonNullable<Report["failures"]>; readonly counters: readonly PolicyCounters[] };
export type PolicyCounters = Report["counters"][number];
export type Incident = Report["incidents"][number];
export type ReportHead = Pick<Report, "node" | "fleet" | "session" | "version">;

/** Something with the post that it went out in last; 0 for none. */
interface Posted<T> {
  readonly value: T;
  sequence: number;
  atMs: number;
}

interface KeptReset {
  head: Omit<ResetReport, "flows">;
  /** Post that told the newest head. */
  headSequence: number;
  headAtMs: number;
  flows: Posted<FlowResult>[];
}

export class ReportOutbox {
  /** Results that found no room, so far. */
  dropped = 0;
  readonly #head: ReportHead;
  readonly #resets = new Map<string, KeptReset>();
  readonly #incidents = new Map<string, Posted<Incident>>();
  #flowCount = 0;
  #sequence = 0;
  #acknowledged = 0;
  /** As posted, by uid, with its post. */
  readonly #counters = new Map<string, Posted<string>>();
  #failures: Posted<string> = { value: "", sequence: 0, atMs: 0 };

  constructor(head: ReportHead) {
    this.#head = head;
  }

  /** FlowResets of which something is not acknowledged. */
  get waiting(): number {
    return this.#resets.size;
  }

  addResult(result: ResetResult, podOf: (address: string) => string | undefined): void {
    const { flows, uid, ...head } = result;
    let kept = this.#resets.get(uid);
    if (kept === undefined) {
      if (this.#resets.size >= MAX_KEPT_RESETS) this.#dropOldest();
      this.#resets.set(uid, (kept = { head: { uid, ...head }, headSequence: 0, headAtMs: 0, flows: [] }));
    }
    kept.head = { ...kept.head, ...head };
    kept.headSequence = 0;
    for (const flow of flows) {
      if (this.#flowCount >= MAX_KEPT_FLOWS) {
        this.dropped++;
        continue;
      }
      this.#flowCount++;
      kept.flows.push({ value: flowResult(flow, podOf), sequence: 0, atMs: 0 });
    }
  }

  /** Joined with what is waiting of the same kind. */
  addIncident(incident: Incident): void {
    const key = [incident.uid, incident.rule, incident.pod?.uid, incident.outcome, incident.reason].join(" ");
    const known = this.#incidents.get(key);
    if (known === undefined && this.#incidents.size >= MAX_KEPT_INCIDENTS) return void this.dropped++;
    // Of one that is under way to the operator a new one begins: counts are added up there.
    const earlier = known === undefined || known.sequence > 0 ? undefined : known.value;
    const value = earlier === undefined ? incident : { ...incident, count: earlier.count + incident.count, firstTime: earlier.firstTime };
    this.#incidents.set(key, { value, sequence: 0, atMs: 0 });
  }

  /** The next report. What it holds counts as under way until acknowledge() or repeatAll(). */
  compose(facts: OutboxFacts, nowMs: number): Report {
    const sequence = ++this.#sequence;
    const { observed, health } = facts;
    const failures = this.#failuresOf(facts, sequence, nowMs);
    return {
      ...this.#head,
      sequence,
      observed,
      ...(failures === undefined ? {} : { failures }),
      counters: this.#countersOf(facts.counters, sequence, nowMs),
      resets: this.#resetsOf(sequence, nowMs),
      incidents: this.#incidentsOf(sequence, nowMs),
      health,
    };
  }

  /** The operator has written down everything up to that report. Less than before: another leads, and knows nothing. */
  acknowledge(sequence: number): void {
    if (sequence < this.#acknowledged) this.#tellListsAnew();
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(sequence, this.#sequence));
    const isDone = ({ sequence: posted }: { sequence: number }): boolean => posted > 0 && posted <= this.#acknowledged;
    for (const [uid, kept] of this.#resets) {
      const left = kept.flows.filter((flow) => !isDone(flow));
      this.#flowCount -= kept.flows.length - left.length;
      kept.flows = left;
      if (left.length === 0 && isDone({ sequence: kept.headSequence })) this.#resets.delete(uid);
    }
    for (const [key, incident] of this.#incidents) if (isDone(incident)) this.#incidents.delete(key);
  }

  /** Another operator, or one that may not have heard the last posts: what is not acknowledged goes out again. */
  repeatAll(): void {
    for (const kept of this.#resets.values()) {
      if (kept.headSequence > this.#acknowledged) kept.headSequence = 0;
      for (const flow of kept.flows) if (flow.sequence > this.#acknowledged) flow.sequence = 0;
    }
    for (const incident of this.#incidents.values()) incident.sequence = 0;
    this.#tellListsAnew();
  }

  /** For the SensorNode: the newest, with few flows each. */
  unreported(maxResets: number, maxFlows: number): ResetReport[] {
    return [...this.#resets.values()].slice(-maxResets).map(({ head, flows }) => ({ ...head, flows: flows.slice(0, maxFlows).map(({ value }) => value) }));
  }

  #resetsOf(sequence: number, nowMs: number): ResetReport[] {
    const posted: ResetReport[] = [];
    let room = MAX_POSTED_FLOWS;
    for (const kept of this.#resets.values()) {
      if (posted.length === MAX_REPORTED_RESETS || room <= 0) break;
      const flows = kept.flows.filter((flow) => this.#isDue(flow.sequence, flow.atMs, nowMs)).slice(0, Math.min(MAX_FLOWS_OF_REPORT, room));
      if (flows.length === 0 && !this.#isDue(kept.headSequence, kept.headAtMs, nowMs)) continue;
      room -= flows.length;
      for (const flow of flows) Object.assign(flow, { sequence, atMs: nowMs });
      kept.headSequence = sequence;
      kept.headAtMs = nowMs;
      // It is over for the operator when its last flow was told.
      const isWhole = kept.flows.every((flow) => flow.sequence > 0);
      const { finishedAt, ...open } = kept.head;
      posted.push({ ...(isWhole ? kept.head : { ...open, phase: "Active" as const }), flows: flows.map(({ value }) => value) });
      if (!isWhole) kept.headSequence = 0;
    }
    return posted;
  }

  #incidentsOf(sequence: number, nowMs: number): Incident[] {
    const due = [...this.#incidents.values()].filter((incident) => incident.sequence === 0);
    for (const incident of due) Object.assign(incident, { sequence, atMs: nowMs });
    return due.map(({ value }) => value);
  }

  #countersOf(counters: readonly PolicyCounters[], sequence: number, nowMs: number): PolicyCounters[] {
    const changed = counters.filter((each) => this.#counters.get(each.uid)?.value !== JSON.stringify(each)).slice(0, MAX_REPORTED_COUNTERS);
    for (const each of changed) this.#counters.set(each.uid, { value: JSON.stringify(each), sequence, atMs: nowMs });
    const uids = new Set(counters.map(({ uid }) => uid));
    for (const uid of this.#counters.keys()) if (!uids.has(uid)) this.#counters.delete(uid);
    return changed;
  }

  #failuresOf({ failures }: OutboxFacts, sequence: number, nowMs: number): Report["failures"] {
    const value = JSON.stringify(failures);
    // A session begins without any, as far as an operator knows.
    if (value === this.#failures.value && this.#failures.sequence > 0) return undefined;
    this.#failures = { value, sequence, atMs: nowMs };
    return [...failures];
  }

  /** What is told only when it changes goes out whole with the next report. */
  #tellListsAnew(): void {
    this.#counters.clear();
    this.#failures = { value: "", sequence: 0, atMs: 0 };
  }

  #isDue(posted: number, atMs: number, nowMs: number): boolean {
    return posted === 0 || (posted > this.#acknowledged && nowMs - atMs >= REPEAT_MS);
  }

  #dropOldest(): void {
    const [oldest] = this.#resets;
    if (oldest === undefined) return;
    this.#resets.delete(oldest[0]);
    this.#flowCount -= oldest[1].flows.length;
    this.dropped += 1 + oldest[1].flows.length;
  }
}

function flowResult(flow: ResetResult["flows"][number], podOf: (address: string) => string | undefined): FlowResult {
  const { connection, client, server, outcome, suppressed, reason, rsts, timeToFirstRstMicroseconds, actor } = flow;
  const [clientPod, serverPod] = [podOf(client.ip), podOf(server.ip)];
  return {
    connection,
    client: endpointText(client),
    server: endpointText(server),
    ...(clientPod === undefined ? {} : { clientPod }),
    ...(serverPod === undefined ? {} : { serverPod }),
    outcome: suppressed ? "Suppressed" : outcome,
    reason,
    rsts,
    latencyMicroseconds: Math.max(0, timeToFirstRstMicroseconds ?? 0),
    actor,
  };
}

/** "10.0.0.7:80", "[fd00::7]:80". */
export function endpointText({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
