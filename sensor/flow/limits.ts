/** The named limits of the room: every table, queue and wait in it ends at one of these. */

export interface FlowLimits {
  /** Out-of-order bytes kept for one side of one flow. */
  readonly reassemblyBytesPerSide: number;
  /** Out-of-order bytes kept in all. */
  readonly reassemblyBytes: number;
  /** Out-of-order segments (with bytes or not) remembered for one side of one flow. */
  readonly segmentsPerSide: number;
  /** Out-of-order segments in all. */
  readonly segments: number;
  /** How long a flow may be silent, by its state, in milliseconds. */
  readonly synSentMs: number;
  readonly synReceivedMs: number;
  /** First seen in the middle, and only one side of it. */
  readonly oneWayMs: number;
  readonly establishedMs: number;
  readonly closingMs: number;
  readonly closedMs: number;
}

/** Those that people set. */
export type FlowTimeouts = Pick<FlowLimits, "synSentMs" | "establishedMs" | "closingMs" | "closedMs">;

export const DEFAULT_LIMITS: FlowLimits = {
  reassemblyBytesPerSide: 256 * 1024,
  reassemblyBytes: 32 * 1024 * 1024,
  segmentsPerSide: 512,
  segments: 65_536,
  synSentMs: 30_000,
  synReceivedMs: 30_000,
  oneWayMs: 300_000,
  establishedMs: 3_600_000,
  closingMs: 60_000,
  closedMs: 10_000,
};

/** Unanswered claims on live tuples that are remembered (see `rivals.ts` and `candidates.ts`); powers of two. */
export const RIVALS = 4096;
export const CANDIDATES = 4096;
/** Endpoints known to listen (see `initiator.ts`); a power of two. */
export const LISTENERS = 8192;
/** Connections that wait for their other tuple (see `twins.ts`); a power of two. */
export const TWIN_KEYS = 65_536;

/** The largest window that a TCP can offer: 65535 << 14 (RFC 7323 section 2.3). */
export const LARGEST_WINDOW = 65_535 * 16_384;
/** The largest window that a TCP can offer without scaling. */
export const LARGEST_UNSCALED_WINDOW = 65_535;
