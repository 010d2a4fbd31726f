/**
 * A capture file through the very same pipeline. The clock is the packets', every seed is fixed and nothing is sent:
 * the same file gives the same bytes of events, every time.
 */
import { statSync } from "node:fs";
import { readCapture } from "./capture/mod.ts";
import { DECODE_REASON_COUNT, decodeReasonName } from "./decode/mod.ts";
import type { Frame } from "./decode/mod.ts";
import type { CompiledPolicy, Decision } from "./decide/mod.ts";
import { Stop, Verdict } from "./decide/mod.ts";
import { fullName } from "./fullName.ts";
import { Pipeline } from "./pipeline.ts";
import type { ReplayOptions, ReplayPolicySummary, ReplaySummary } from "./options.ts";
import { SensorError } from "./options.ts";
import { directoryFault, EMPTY_SNAPSHOT, loadPolicyDirectory } from "./policy/mod.ts";
import { checkSignatures, PolicyKeeper } from "./policyKeeper.ts";
import { PolicyReport } from "./policyReport.ts";
import { EventRecorder } from "./recorder.ts";
import { Counters, createLog, SyncEventWriter } from "./report/mod.ts";

const FIXED_SEED = 0x464c4f57;

export async function replay(options: ReplayOptions): Promise<ReplaySummary> {
  const log = createLog(options.logLevel, process.stderr.isTTY === true);
  const keeper = new PolicyKeeper({ protectedConnections: [], protectedPorts: [] });
  if (options.policies !== undefined) requirePolicies(options.policies);
  const snapshot = options.policies === undefined
    ? EMPTY_SNAPSHOT
    : loadPolicyDirectory({ directory: options.policies, standalone: true, check: checkSignatures });
  const round = keeper.take(snapshot);
  new PolicyReport(log).onSnapshot(snapshot, round);
  if (keeper.resets.length > 0) log.warn({ flowResets: keeper.resets.length }, "FlowResets name connections alive now: none is replayed");
  const writer = openWriter(options);
  const tally = new Tally(round.compiled);
  const interfaceNames = new Map<number, string>();
  const recorder = new EventRecorder(round.compiled, { ofPolicy: round.labels, names: new Map(round.labelNames) }, {
    counters: new Counters(),
    emit: (line) => write(writer, line, options.events),
    nameOf: (index) => interfaceNames.get(index) || `if${index}`,
  });
  const pipeline = new Pipeline({
    compiled: round.compiled,
    stop: new Int32Array(new SharedArrayBuffer(4)).fill(Stop.Replay),
    tableCapacity: options.tableCapacity,
    seed: FIXED_SEED,
    markKey: [FIXED_SEED, ~FIXED_SEED],
    recorder: {
      onDecision: (decision, interfaceIndex, packetMs, nowMs) => {
        tally.count(decision);
        recorder.onDecision(decision, interfaceIndex, packetMs, nowMs);
      },
      onOutcome: (record) => recorder.onOutcome(record),
    },
    decode: { checksum: options.checksum === "trust" ? "trust" : "verify-filled" },
    flowLimits: keeper.flowTimeouts,
    labelOf: (policy) => round.labels[policy] ?? 0,
  });
  recorder.table = pipeline.table;

  let firstMs = 0;
  let lastMs = 0;
  const visit = (frame: Frame): void => {
    if (firstMs === 0) firstMs = frame.timestampMs;
    lastMs = Math.max(lastMs, frame.timestampMs);
    pipeline.tick(frame.timestampMs);
    pipeline.step(frame);
    pipeline.outbox.clear();
    if (pipeline.hasUndisclosed) pipeline.settle(frame.timestampMs);
  };
  const { packets, bytes, error } = await readAll(options.files, visit, interfaceNames);
  close(writer, options.events);
  return {
    files: options.files,
    packets,
    bytes,
    flows: pipeline.tracker.connections.created,
    findings: tally.findings,
    wouldReset: tally.wouldReset,
    byPolicy: tally.byPolicy,
    decodeReasons: decodeReasons(pipeline),
    // Packets' clocks have microseconds and a remainder of binary arithmetic.
    captureSeconds: Math.round((lastMs - firstMs) * 1_000) / 1_000_000,
    policyProblems: snapshot.problems.length,
    error,
  };
}

/** One file after the other, up to the first that cannot be read to its end. `names` has the interfaces of the file at hand. */
async function readAll(files: readonly string[], visit: (frame: Frame) => void, names: Map<number, string>): Promise<Pick<ReplaySummary, "packets" | "bytes" | "error">> {
  let packets = 0;
  let bytes = 0;
  for (const file of files) {
    names.clear();
    const read = await readCapture(file, visit, (index, name) => names.set(index, name));
    packets += read.packets;
    bytes += read.bytes;
    if (read.error !== undefined) return { packets, bytes, error: { file, offset: read.error.offset, message: read.error.message } };
  }
  return { packets, bytes, error: undefined };
}

/** Counts by policy, whatever their mode: a replay says what would have been. */
class Tally {
  findings = 0;
  wouldReset = 0;
  /** By slot: which connection it was, and by which policies (-1: by any) it was counted. */
  readonly #counted = new Map<number, { generation: number; policies: Set<number> }>();
  readonly byPolicy: ReplayPolicySummary[];
  readonly #policyOfRule: Int32Array;

  constructor({ names, policyOfRule }: CompiledPolicy) {
    this.#policyOfRule = policyOfRule;
    this.byPolicy = names.policies.map((policy) => ({ policy: fullName(policy), mode: policy.mode, findings: 0, wouldReset: 0, suppressed: 0 }));
  }

  count(decision: Decision): void {
    this.findings += decision.newFindings;
    if (decision.verdict !== Verdict.Suppress && this.#isFirst(decision, -1)) this.wouldReset++;
    for (let i = 0; !decision.isRetry && i < decision.firedCount; i++) this.byPolicy[this.#policyOfRule[decision.firedRules[i]!]!]!.findings++;
    for (let i = 0; i < decision.matchedCount; i++) {
      const policy = this.byPolicy[decision.matchedPolicies[i]!]!;
      if (decision.matchedVerdicts[i] === Verdict.Suppress) policy.suppressed++;
      else if (this.#isFirst(decision, decision.matchedPolicies[i]!)) policy.wouldReset++;
    }
  }

  /** Nothing dies in a replay, so that one connection may be judged again and again: it is one connection all the same. */
  #isFirst({ slot, generation }: Decision, policy: number): boolean {
    let counted = this.#counted.get(slot);
    if (counted?.generation !== generation) this.#counted.set(slot, (counted = { generation, policies: new Set() }));
    const { size } = counted.policies;
    return counted.policies.add(policy).size > size;
  }
}

function requirePolicies(directory: string): void {
  const fault = directoryFault(directory);
  if (fault !== undefined) throw new SensorError("BadInput", fault, "name the folder of policies with --policies");
}

function openWriter({ events, files }: ReplayOptions): SyncEventWriter {
  if (files.some((file) => isSameFile(file, events))) {
    throw new SensorError("BadInput", `Give events a file of their own, this one is replayed: ${events}`);
  }
  try {
    return new SyncEventWriter(events);
  } catch (error) {
    throw new SensorError("BadInput", (error as Error).message, "name another file with --events, - for standard output, or none");
  }
}

function isSameFile(left: string, right: string): boolean {
  try {
    const [one, other] = [statSync(left, { bigint: true }), statSync(right, { bigint: true })];
    return one.isFile() && one.dev === other.dev && one.ino === other.ino;
  } catch {
    return false;
  }
}

function write(writer: SyncEventWriter, line: string, path: string): void {
  try {
    writer.write(line);
  } catch (error) {
    throw eventsLost(error, path);
  }
}

function close(writer: SyncEventWriter, path: string): void {
  try {
    writer.close();
  } catch (error) {
    throw eventsLost(error, path);
  }
}

function eventsLost(error: unknown, path: string): SensorError {
  return new SensorError("Failed", `Cannot write events to ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, "make room, or name another file with --events");
}

function decodeReasons({ context }: Pipeline): Record<string, number> {
  const reasons: Record<string, number> = {};
  for (let reason = 1; reason < DECODE_REASON_COUNT; reason++) {
    if (context.reasons[reason]! > 0) reasons[decodeReasonName(reason)] = context.reasons[reason]!;
  }
  return reasons;
}

