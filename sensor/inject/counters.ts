/** What inject did and what it refused, since the start: read by report, never reset. */

/** Linux has errnos up to 133. */
export const ERRNOS = 136;

export class InjectCounters {
  started = 0;
  joined = 0;
  rsts = 0;
  probes = 0;
  /** RSTs whose number was replaced by a fresher one before they left. */
  superseded = 0;
  /** RSTs at the right edge of a receive window, each behind a byte of our own. */
  edgeRsts = 0;
  /** RSTs sent once more by the raw way for the conntrack entry of two near ends. */
  entriesClosed = 0;
  /** Sends that the kernel refused. */
  sendErrors = 0;
  /** The same by errno; what is beyond counts in the last place. */
  readonly sendErrorsBy = new Float64Array(ERRNOS);
  /** Bytes that the kernel took. */
  bytes = 0;
  /** Own packets seen on the wire, and another sensor's. */
  ownSeen = 0;
  foreignSeen = 0;
  /** Kills refused for `limits.kills` or `limits.unattachedKills`. */
  killsRefused = 0;
  /** SYNs that a hold refused. */
  heldSyns = 0;
  /** MP_JOINs to killed connections that were refused. */
  joinsRefused = 0;
  /** Outcomes by number: see Outcome. */
  readonly outcomes = new Int32Array(4);

  /** `error` is 0 or the errno that the kernel gave. */
  sent(bytes: number, error: number): void {
    if (error === 0) {
      this.bytes += bytes;
      return;
    }
    this.sendErrors++;
    this.sendErrorsBy[Math.min(error, ERRNOS - 1)]++;
  }
}
