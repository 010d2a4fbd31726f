/**
 * The counters of one Worker: one Float64Array on a SharedArrayBuffer. The Worker adds plain numbers (a float64
 * counts exactly to 2^53, and an aligned 8-byte store is never seen half done on a 64-bit machine); the main
 * thread reads whenever Prometheus asks. Nobody locks, nobody allocates.
 *
 * Layout: single counters, then families counted by a small index (decode reason, ...), then the histograms.
 * Series with several labels are in `series.ts`.
 */
import { SeriesTable } from "./series.ts";

/** Single counters. Those marked (now) are set, the others only grow. */
export const Counter = {
  Packets: 0,
  /** Bytes on the wire, link header included. */
  Bytes: 1,
  /** Packets that the kernel dropped because the ring was full. */
  KernelDrops: 2,
  /** Frames that reached us shorter than they were. */
  CutShort: 3,
  /** Packets that carry our own keyed mark. */
  OwnPackets: 4,
  /** (now) Milliseconds since 1970 of the last packet, and of the last turn of the Worker's loop. */
  LastPacketMs: 5,
  HeartbeatMs: 6,

  FlowsCreated: 7,
  FlowsEstablished: 8,
  FlowsClosed: 9,
  FlowsExpired: 10,
  /** (now) */
  FlowsLive: 11,
  FlowsCapacity: 12,
  /** The same packet seen again at another interface. */
  CopiesIgnored: 13,
  /** A pod's address used at an interface that is not its own. */
  SpoofedInterface: 14,
  Retransmissions: 15,
  OutOfOrder: 16,
  Gaps: 17,
  AmbiguousOverlaps: 18,
  /** (now) */
  ReassemblyBytes: 19,
  ReassemblyCapacityBytes: 20,

  InspectedBytes: 21,
  Findings: 22,
  /** (now) */
  MatchesLive: 23,
  MatchesCapacity: 24,

  /** (now) */
  KillsLive: 25,
  KillsCapacity: 26,
  HoldsLive: 27,
  HoldsCapacity: 28,
  PacketsInjected: 29,
  BytesInjected: 30,
  InjectErrors: 31,
  OutboxDropped: 32,
  ProbesSent: 33,
  /** Payload bytes that passed between a trigger and the death of its flow. */
  BytesAfterTrigger: 34,

  /** Records for the main thread that found the ring full. */
  RecordsDropped: 35,
  /** (now) Generation of the compiled policy that the Worker runs. */
  PolicyGeneration: 36,
  /** (now) 1 while the emergency stop is on. */
  Stopped: 37,
  /** Processor time of busy polls that found nothing. */
  BusyPollMicroseconds: 38,
  /** Segments, or their bytes, that found no room to wait for missing ones. */
  ReassemblyRefused: 39,
  /** Hits of a tenant's contents, and its events, beyond its quota. */
  StepsThrottled: 40,
  EventsThrottled: 41,
} as const;

/** Room kept for single counters. */
export const SINGLE_COUNTERS = 64;

/** A family is counted by a small index; an index at or past `size` counts in the family's last place. */
export interface Family {
  readonly base: number;
  readonly size: number;
}

export const Families = {
  /** By DecodeReason. */
  decode: { base: 64, size: 96 },
  /** By the tracker's refusal reasons (packets that changed nothing). */
  flowRefusals: { base: 160, size: 48 },
  /** By the reason why a flow left the table before its time. */
  flowEvictions: { base: 208, size: 16 },
  /** Live flows by what they are worth (now). */
  flowWorths: { base: 224, size: 16 },
  /** By errno of the injecting call, 0 for unknown. */
  injectErrors: { base: 240, size: 136 },
} as const satisfies Record<string, Family>;

const HISTOGRAMS_BASE = 376;

/** Fixed upper bounds in microseconds; the last bucket is +Inf. Stored at `base`: one count a bucket, then sum, then count. */
export interface HistogramLayout {
  readonly base: number;
  readonly boundsMicroseconds: readonly number[];
}

const REACTION_BOUNDS = [
  25, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_000, 5_000, 10_000, 50_000, 250_000, 1_000_000,
] as const;
const TIME_TO_DEAD_BOUNDS = [
  100, 250, 500, 1_000, 2_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
  10_000_000, 60_000_000,
] as const;
const IDENTITY_BOUNDS = [
  5_000, 10_000, 25_000, 50_000, 100_000, 200_000, 350_000, 500_000, 750_000, 1_000_000, 1_500_000, 2_500_000, 5_000_000,
  10_000_000, 30_000_000, 60_000_000,
] as const;
/** Buckets with +Inf, sum, count. */
const HISTOGRAM_WORDS = 16 + 1 + 2;

export const Histograms = {
  /** Trigger on the wire to the first RST handed to the kernel. */
  reaction: { base: HISTOGRAMS_BASE, boundsMicroseconds: REACTION_BOUNDS },
  /** First RST to the proof that both ends are dead. */
  timeToDead: { base: HISTOGRAMS_BASE + HISTOGRAM_WORDS, boundsMicroseconds: TIME_TO_DEAD_BOUNDS },
  /** First packet of a new pod's connection to the word of whose it is. */
  identity: { base: HISTOGRAMS_BASE + 2 * HISTOGRAM_WORDS, boundsMicroseconds: IDENTITY_BOUNDS },
} as const satisfies Record<string, HistogramLayout>;

export const COUNTER_WORDS = HISTOGRAMS_BASE + 3 * HISTOGRAM_WORDS;

/** One Worker's counters; both threads make one on the same buffers. */
export class Counters {
  readonly buffer: SharedArrayBuffer;
  readonly values: Float64Array;
  /** Resets and verdicts by policy and reason. */
  readonly series: SeriesTable;

  constructor(buffer = new SharedArrayBuffer(Counters.bytes)) {
    this.buffer = buffer;
    this.values = new Float64Array(buffer, 0, COUNTER_WORDS);
    this.series = new SeriesTable(buffer, COUNTER_WORDS * 8);
  }

  static readonly bytes = COUNTER_WORDS * 8 + SeriesTable.bytes;

  /** How many durations a histogram has seen. */
  observations({ base, boundsMicroseconds }: HistogramLayout): number {
    return this.values[base + boundsMicroseconds.length + 2];
  }

  /** `counter` is a value of Counter. */
  add(counter: number, amount: number): void {
    this.values[counter] += amount;
  }

  set(counter: number, value: number): void {
    this.values[counter] = value;
  }

  addIn(family: Family, index: number, amount: number): void {
    this.values[place(family, index)] += amount;
  }

  setIn(family: Family, index: number, value: number): void {
    this.values[place(family, index)] = value;
  }

  /** Negative and non-finite durations (a clock that stepped back) count as 0. */
  observe(histogram: HistogramLayout, microseconds: number): void {
    const bounds = histogram.boundsMicroseconds;
    const value = microseconds > 0 && microseconds < Infinity ? microseconds : 0;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    const values = this.values;
    values[histogram.base + bucket]++;
    values[histogram.base + bounds.length + 1] += value;
    values[histogram.base + bounds.length + 2]++;
  }
}

function place(family: Family, index: number): number {
  return family.base + (index >= 0 && index < family.size ? index : family.size - 1);
}
