/**
 * Every bound and every pause of inject by name. A `Partial` of it is given to `Injector`; what is refused for a
 * limit is counted in `InjectCounters`.
 */

export interface InjectLimits {
  /** Kills at work or under watch at the same time. */
  readonly kills: number;
  /** Kills without a flow record (never seen, or evicted meanwhile): each packet is compared with them all. */
  readonly unattachedKills: number;
  readonly holds: number;
  /** Connections that one hold refuses before it lets go: an endless retry must not own the sensor. */
  readonly refusalsPerHold: number;
  /** RSTs of one kill, both ends together, where the request names no number. */
  readonly rstsPerKill: number;
  /**
   * After so many exact RSTs that came too late for a fast stream, its receiver is reset by the right edge of its
   * SACK blocks, which stands still: one byte at the end of the receive window, then a RST right behind it. Were the
   * RST lost the byte would stay in the stream of a connection that is condemned anyway. `Infinity`: never.
   */
  readonly sackEdgeAfterRsts: number;
  /** MPTCP connections whose tokens are remembered. */
  readonly mptcpConnections: number;

  /** Silence of both sides, in ms, before the first keep-alive probe. */
  readonly quietMs: number;
  /** No verdict after so long is the verdict. */
  readonly confirmMs: number;
  /** How long a Confirmed kill is watched for signs of life. */
  readonly watchMs: number;
  /** Packets that were under way when an end died are no sign of life: so long after its last RST or death. */
  readonly lateMs: number;
  /** Linux answers one out-of-window segment a socket in this time (tcp_invalid_ratelimit). */
  readonly challengeGateMs: number;
  /** Another sensor acts on this flow: it gets so long before we do (first actor rule). */
  readonly otherSensorMs: number;
  /** A refused client is dead and its server never answered: so long until nobody waits for it. */
  readonly serverAnswerMs: number;
  /** How long a killed MPTCP connection's later MP_JOINs are refused (net.mptcp.close_timeout). */
  readonly mptcpMs: number;
}

export const DEFAULT_LIMITS: InjectLimits = {
  kills: 65_536,
  unattachedKills: 256,
  holds: 16_384,
  refusalsPerHold: 10_000,
  rstsPerKill: 64,
  sackEdgeAfterRsts: 8,
  mptcpConnections: 4_096,
  quietMs: 2,
  confirmMs: 3_000,
  watchMs: 2_000,
  lateMs: 200,
  challengeGateMs: 500,
  otherSensorMs: 20,
  serverAnswerMs: 1_000,
  mptcpMs: 60_000,
};

/** Probes leave so long after the flow fell quiet, or after the one before: far ends and lost packets get their time. */
export const PROBE_PAUSES_MS: readonly number[] = [2, 10, 50, 200, 500];

/**
 * The budget must outlast a slow path and not be spent in one burst: from the n-th RST to one end on, RSTs keep a
 * distance. The first 16 are free: a chase at full speed needs 3 to 5.
 */
export function pauseBetweenRstsMs(spentOnEnd: number): number {
  if (spentOnEnd < 16) return 0;
  return spentOnEnd < 32 ? 1 : 10;
}

/** The same number to the same end again only after so long: the first copy has to arrive before it can fail. */
export const SAME_NUMBER_PAUSE_MS = 1;
